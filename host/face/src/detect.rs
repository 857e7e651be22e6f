//! YuNet: where the faces are.
//!
//! The network looks at the canvas with three grids of cells, 8, 16 and 32 pixels wide. Each cell gives a class and an
//! objectness score, a box and five landmarks, all relative to the cell. They are read here as OpenCV's
//! `FaceDetectorYN` reads them (opencv/modules/objdetect/src/face_detect.cpp, `postProcess`), so that a model that
//! works there works here.

use std::sync::Arc;

use image::RgbImage;
use rten::{NodeId, ThreadPool};

use crate::network::Network;
use crate::scale::{CANVAS, fit};
use crate::{Face, FaceError, LoadError};

const NAME: &str = "detector";

/// Cell sides in canvas pixels, finest first.
const STRIDES: [usize; 3] = [8, 16, 32];

/// What every cell gives: the output's name before its stride, and the numbers per cell.
const HEADS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// Least score of a face. On the photographs this was tried on, faces score above 0.92 and what is none below 0.54;
/// OpenCV's own default of 0.9 leaves no room for probes worse than a portrait.
const MIN_SCORE: f32 = 0.7;

/// Two boxes that share more than this part of their union are one face; OpenCV's default.
const MAX_OVERLAP: f32 = 0.3;

/// Candidates kept before overlaps are removed, best first; OpenCV's default. Bounds the work on a hostile image.
const MAX_CANDIDATES: usize = 5000;

/// A loaded YuNet.
pub(crate) struct Detector {
    network: Network,
    /// Heads within strides: `cls_8`, `obj_8`, `bbox_8`, `kps_8`, `cls_16`, …
    outputs: Vec<NodeId>,
}

impl Detector {
    /// Loads the network and runs it once, so that what cannot work fails here.
    ///
    /// # Errors
    /// The bytes are no model, or not one with YuNet's input and outputs.
    pub(crate) fn load(onnx: &[u8], pool: Arc<ThreadPool>) -> Result<Self, LoadError> {
        let network = Network::load(NAME, onnx, [1, 3, CANVAS, CANVAS], pool)?;
        let mut outputs = Vec::with_capacity(STRIDES.len() * HEADS.len());
        for stride in STRIDES {
            for (head, _) in HEADS {
                let name = format!("{head}_{stride}");
                let Some(output) = network.output(&name) else {
                    return Err(LoadError::WrongOutput {
                        model: NAME,
                        expected: "YuNet's cls, obj, bbox and kps for strides 8, 16 and 32".to_owned(),
                        found: format!("no output `{name}`"),
                    });
                };
                outputs.push(output);
            }
        }
        let detector = Self { network, outputs };
        detector
            .run(&vec![0.0; 3 * CANVAS * CANVAS])
            .map_err(|reason| LoadError::TrialRun { model: detector.network.name(), reason })?;
        Ok(detector)
    }

    /// Finds the faces of an upright image, largest box first, in its own pixels.
    ///
    /// # Errors
    /// The network fails.
    pub(crate) fn detect(&self, image: &RgbImage) -> Result<Vec<Face>, FaceError> {
        let canvas = fit(image);
        let maps = self.run(&canvas.samples).map_err(|reason| FaceError::Inference { reason })?;
        let mut faces = Vec::new();
        let (by_stride, _) = maps.as_chunks::<{ HEADS.len() }>();
        for (stride, [cls, obj, bbox, kps]) in STRIDES.into_iter().zip(by_stride) {
            collect(stride, [cls, obj, bbox, kps], canvas.ratio, &mut faces);
        }
        let mut faces = without_overlaps(faces);
        faces.sort_by(|a, b| b.area().total_cmp(&a.area()));
        Ok(faces)
    }

    /// One run; every output as a flat row-major map, cells × numbers per cell, in the order of `outputs`.
    fn run(&self, canvas: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let values = self.network.run(canvas, &self.outputs)?;
        let kinds = STRIDES.into_iter().flat_map(|stride| HEADS.map(|(head, numbers)| (stride, head, numbers)));
        values
            .into_iter()
            .zip(kinds)
            .map(|(value, (stride, head, numbers))| {
                let (shape, map) =
                    value.into_shape_vec::<f32, 3>().map_err(|error| format!("output `{head}_{stride}`: {error}"))?;
                let cells = (CANVAS / stride) * (CANVAS / stride);
                if shape == [1, cells, numbers] {
                    Ok(map)
                } else {
                    Err(format!("output `{head}_{stride}` has shape {shape:?}, not {:?}", [1, cells, numbers]))
                }
            })
            .collect()
    }
}

/// Reads the cells of one stride and keeps those that score. `ratio` is pixels of the original per canvas pixel.
fn collect(stride: usize, [cls, obj, bbox, kps]: [&[f32]; 4], ratio: f32, faces: &mut Vec<Face>) {
    let per_row = CANVAS / stride;
    let scale = stride as f32 * ratio;
    let scores = cls.iter().zip(obj);
    let shapes = bbox.as_chunks::<4>().0.iter().zip(kps.as_chunks::<10>().0);
    for (cell, ((cls, obj), (bbox, kps))) in scores.zip(shapes).enumerate() {
        let score = (cls.clamp(0.0, 1.0) * obj.clamp(0.0, 1.0)).sqrt();
        if score.is_nan() || score < MIN_SCORE {
            continue;
        }
        let (column, row) = ((cell % per_row) as f32, (cell / per_row) as f32);
        let point = |x: f32, y: f32| [(column + x) * scale, (row + y) * scale];
        let [x, y] = point(bbox[0], bbox[1]);
        let (width, height) = (bbox[2].exp() * scale, bbox[3].exp() * scale);
        let face = Face {
            bounding_box: [x - width / 2.0, y - height / 2.0, width, height],
            landmarks: std::array::from_fn(|i| point(kps[2 * i], kps[2 * i + 1])),
            score,
        };
        let mut numbers = face.bounding_box.iter().chain(face.landmarks.as_flattened());
        // A hostile network may say anything; arithmetic after this may rely on numbers.
        if numbers.all(|number| number.is_finite()) && face.area() > 0.0 {
            faces.push(face);
        }
    }
}

/// Non-maximum suppression: of faces that overlap, the one with the best score.
fn without_overlaps(mut faces: Vec<Face>) -> Vec<Face> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    faces.truncate(MAX_CANDIDATES);
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|other| overlap(other, &face) <= MAX_OVERLAP) {
            kept.push(face);
        }
    }
    kept
}

/// Intersection over union of the boxes, 0 to 1.
fn overlap(a: &Face, b: &Face) -> f32 {
    let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (a.bounding_box, b.bounding_box);
    let width = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
    let height = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
    let shared = width * height;
    shared / (a.area() + b.area() - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(bounding_box: [f32; 4], score: f32) -> Face {
        Face { bounding_box, landmarks: [[0.0; 2]; 5], score }
    }

    #[test]
    fn of_overlapping_boxes_the_best_stays() {
        let kept = without_overlaps(vec![
            face([0.0, 0.0, 10.0, 10.0], 0.8),
            face([1.0, 1.0, 10.0, 10.0], 0.9),
            face([100.0, 0.0, 10.0, 10.0], 0.7),
            // Four tenths of a box shared are a quarter of the union: two people side by side.
            face([106.0, 0.0, 10.0, 10.0], 0.75),
        ]);
        let scores: Vec<f32> = kept.iter().map(|face| face.score).collect();
        assert_eq!(scores, [0.9, 0.75, 0.7]);
    }

    #[test]
    fn overlap_is_intersection_over_union() {
        let (a, b) = (face([0.0, 0.0, 2.0, 2.0], 1.0), face([1.0, 0.0, 2.0, 2.0], 1.0));
        assert!((overlap(&a, &b) - 1.0 / 3.0).abs() < 1e-6);
        assert!((overlap(&a, &a) - 1.0).abs() < 1e-6);
        assert_eq!(overlap(&a, &face([5.0, 5.0, 1.0, 1.0], 1.0)), 0.0);
    }

    #[test]
    fn a_cell_is_read_relative_to_its_place() {
        const STRIDE: usize = 32;
        const CELLS: usize = (CANVAS / STRIDE) * (CANVAS / STRIDE);
        // Third column of the second row.
        let cell = CANVAS / STRIDE + 2;
        let (mut cls, mut obj) = ([0.0_f32; CELLS], [0.0_f32; CELLS]);
        let (mut bbox, mut kps) = ([0.0_f32; 4 * CELLS], [0.0_f32; 10 * CELLS]);
        // Scores are clamped before they are multiplied.
        (cls[cell], obj[cell]) = (1.5, 0.81);
        bbox[4 * cell..4 * cell + 4].copy_from_slice(&[0.5, 0.25, 0.0, 2.0_f32.ln()]);
        kps[10 * cell..10 * cell + 2].copy_from_slice(&[-0.5, 1.0]);
        // A cell whose box is no number is left out, whatever its score.
        (cls[7], obj[7], bbox[4 * 7 + 2]) = (1.0, 1.0, f32::INFINITY);
        (cls[9], obj[9]) = (f32::NAN, 1.0);

        let mut faces = Vec::new();
        collect(STRIDE, [&cls, &obj, &bbox, &kps], 2.0, &mut faces);
        assert_eq!(faces.len(), 1);
        let found = &faces[0];
        assert!((found.score - 0.9).abs() < 1e-6);
        // Centre (2.5, 1.25) cells of 32 pixels, one cell wide and two high, original twice as large.
        for (found, expected) in found.bounding_box.iter().zip([128.0_f32, 16.0, 64.0, 128.0]) {
            assert!((found - expected).abs() < 1e-3, "{found} is not {expected}");
        }
        assert_eq!(found.landmarks[0], [96.0, 128.0]);
    }
}

//! From image bytes to a template.
//!
//! One photograph goes in, one unit-length vector comes out, with what a person needs to judge it: how many faces
//! were found, where, which one was used, how many pixels lie between its eyes. Nothing else in the host knows
//! pixels, and this crate knows nothing else: no galleries, no thresholds, no rules.
//!
//! The way of an image, one module per step:
//!
//! 1. `decode`: JPEG or PNG bytes to upright RGB, refused early when too large (file, sides, pixels);
//! 2. `scale`: shrunk so that the longer side is 640 pixels, for the detector only;
//! 3. `detect`: YuNet finds boxes and five landmarks each (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face
//!    Detector", Machine Intelligence Research 20, 2023);
//! 4. `align`: a similarity transform takes the landmarks to the 112 × 112 pattern that ArcFace was trained on
//!    (Deng et al., "ArcFace", CVPR 2019), sampling the original, not the shrunk copy;
//! 5. `embed`: the embedder's output, brought to unit length, so that a dot product is a cosine.
//!
//! The product ships no weights: both networks are ONNX files that the deployment brings. [`OnnxExtractor`] checks at
//! load that they have the inputs and outputs it will use, so a wrong file stops the start, not a search.
//!
//! Everything here is synchronous and bound by the CPU (tens to hundreds of milliseconds an image): an async caller
//! puts it on a blocking thread. Templates are not bit-stable across processors: record a digest beside them.

mod align;
mod decode;
mod detect;
mod embed;
mod error;
mod network;
mod onnx;
mod scale;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use error::{FaceError, LoadError};
pub use onnx::OnnxExtractor;

/// What turns an image into a template: the networks of this crate, or a vendor's engine behind the same door.
pub trait Extractor: Send + Sync {
    /// Names the embedding space. Templates with different ids are never compared.
    fn model_id(&self) -> &str;

    /// Length of every template, in f32 elements.
    fn dim(&self) -> usize;

    /// Finds the faces of a JPEG or PNG image, without making a template.
    ///
    /// Returns width and height of the upright image in pixels and the faces, largest box first; an image without a
    /// face gives an empty list.
    ///
    /// # Errors
    /// The image is refused or cannot be decoded, or the detector fails; see [`FaceError`].
    fn detect(&self, image: &[u8]) -> Result<(u32, u32, Vec<Face>), FaceError>;

    /// Makes the template of one face of a JPEG or PNG image.
    ///
    /// `face` is an index into the faces as [`detect`](Extractor::detect) orders them. It may be left out only when
    /// the image shows exactly one: which of several people is the probe is for a person to say.
    ///
    /// # Errors
    /// As for `detect`; also when there is no face, when there are several and `face` is `None`
    /// ([`FaceError::SeveralFaces`] lists them), when there is no such face, and when the chosen one is too small.
    fn extract(&self, image: &[u8], face: Option<usize>) -> Result<Extraction, FaceError>;
}

/// Where a deployment keeps its two networks, as it stands in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPaths {
    /// YuNet exported for 640 × 640, ONNX.
    pub detector: PathBuf,
    /// An ArcFace-style network for 112 × 112 RGB samples of 0 to 255, normalisation in the graph, ONNX.
    pub embedder: PathBuf,
}

impl ModelPaths {
    /// Reads both files and loads them; see [`OnnxExtractor::load`].
    ///
    /// # Errors
    /// A file cannot be read, or is not the network it should be.
    pub fn load(&self, limits: Limits, threads: usize) -> Result<OnnxExtractor, LoadError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| LoadError::Read { path: path.clone(), reason: error.to_string() })
        };
        OnnxExtractor::load(&read(&self.detector)?, &read(&self.embedder)?, limits, threads)
    }
}

/// What an image may cost before a single pixel of it is decoded.
///
/// The decoders hold at most eight bytes a pixel (16-bit RGBA) beside the three of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest file, in bytes. Default 20 MiB: more than a 24-megapixel camera writes at best quality.
    pub max_bytes: usize,
    /// Most pixels, width × height. Default 50 million, what a 50-megapixel camera writes: 150 MB as RGB.
    pub max_pixels: u64,
    /// Longest side, in pixels. Default 16,384: a longer one is a panorama or an attack, not a photograph of a person.
    pub max_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 20 << 20, max_pixels: 50_000_000, max_side: 16_384 }
    }
}

/// One face as the detector saw it, in pixels of the upright original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// Left, top, width, height. A face cut off by the border has a box that reaches past it, also below zero.
    pub bounding_box: [f32; 4],
    /// x and y of the subject's right eye, left eye, nose tip, right and left corner of the mouth.
    pub landmarks: [[f32; 2]; 5],
    /// The detector's confidence, 0 to 1. Not a probability, and no measure of quality.
    pub score: f32,
}

impl Face {
    /// Distance between the eyes, in pixels of the upright original.
    pub fn inter_eye(&self) -> f32 {
        let [right, left, ..] = self.landmarks;
        (right[0] - left[0]).hypot(right[1] - left[1])
    }

    pub(crate) fn area(&self) -> f32 {
        self.bounding_box[2] * self.bounding_box[3]
    }
}

/// What came out of one image.
#[derive(Clone, PartialEq)]
pub struct Extraction {
    /// Width of the upright image, in pixels.
    pub width: u32,
    /// Height of the upright image, in pixels.
    pub height: u32,
    /// Every face found, largest box first.
    pub faces: Vec<Face>,
    /// Which of `faces` the template is of.
    pub selected: usize,
    /// Pixels between the eyes of the selected face: what a rule on image quality looks at.
    pub inter_eye: f32,
    /// The template, [`Extractor::dim`] elements, of unit length.
    pub template: Vec<f32>,
}

/// A template is biometric: it stays out of logs and panic messages.
impl fmt::Debug for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("faces", &self.faces)
            .field("selected", &self.selected)
            .field("inter_eye", &self.inter_eye)
            .field("dim", &self.template.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_name_only_the_limit_it_changes() {
        let limits: Limits = serde_json::from_str(r#"{ "max_side": 4096 }"#).expect("parses");
        assert_eq!(limits, Limits { max_side: 4096, ..Limits::default() });
        assert!(serde_json::from_str::<Limits>(r#"{ "max_sides": 4096 }"#).is_err());
    }

    #[test]
    fn a_template_is_not_printed() {
        let extraction = Extraction {
            width: 1,
            height: 1,
            faces: Vec::new(),
            selected: 0,
            inter_eye: 60.0,
            template: vec![0.123_456; 4],
        };
        let printed = format!("{extraction:?}");
        assert!(printed.contains("dim: 4") && !printed.contains("0.123"));
    }

    #[test]
    fn a_missing_model_file_is_named() {
        let paths = ModelPaths {
            detector: PathBuf::from("/nonexistent/detector.onnx"),
            embedder: PathBuf::from("/nonexistent/embedder.onnx"),
        };
        let Err(error) = paths.load(Limits::default(), 1) else {
            panic!("loaded a file that does not exist");
        };
        assert!(error.to_string().contains("`/nonexistent/detector.onnx`"));
    }
}

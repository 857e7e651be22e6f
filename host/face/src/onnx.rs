//! [`OnnxExtractor`]: the steps of this crate in order, over two networks that the deployment brings.

use std::fmt;
use std::sync::Arc;

use rten::ThreadPool;
use sha2::{Digest, Sha256};

use crate::align::align;
use crate::decode::decode;
use crate::detect::Detector;
use crate::embed::Embedder;
use crate::{Extraction, Extractor, Face, FaceError, Limits, LoadError};

/// Least distance between the eyes, in pixels of the original. The aligned sample has 35; from about a quarter of that
/// upwards there is something to enlarge. Rules on image quality ask for far more, and are not made here.
const MIN_INTER_EYE: f32 = 8.0;

/// YuNet and an ArcFace-style embedder in one process, on threads of their own.
pub struct OnnxExtractor {
    detector: Detector,
    embedder: Embedder,
    model_id: String,
    limits: Limits,
}

impl OnnxExtractor {
    /// Loads both networks from the bytes of their ONNX files and runs each once.
    ///
    /// - `detector`: YuNet with input `1 × 3 × 640 × 640` f32 (blue, green, red, 0 to 255) and, for s = 8, 16, 32, the
    ///   outputs `cls_s`, `obj_s`, `bbox_s` and `kps_s` of `1 × (640/s)² × k` f32 with k = 1, 1, 4 and 10.
    /// - `embedder`: one input `1 × 3 × 112 × 112` f32 (red, green, blue, 0 to 255; normalisation is in the graph) and
    ///   one output `1 × n` f32, which need not be normalised. n becomes [`Extractor::dim`].
    /// - `threads`: how many work on one image; 0 means one per processor. Images extracted at the same time share
    ///   them, so more calls at once than threads only wait for one another.
    ///
    /// [`Extractor::model_id`] becomes `onnx:` and the first 16 hexadecimal digits of the embedder's SHA-256.
    ///
    /// # Errors
    /// One of the two is not the network it should be; [`LoadError`] says which, and what was found.
    pub fn load(detector: &[u8], embedder: &[u8], limits: Limits, threads: usize) -> Result<Self, LoadError> {
        let pool = Arc::new(ThreadPool::with_num_threads(threads));
        let digest = Sha256::digest(embedder);
        Ok(Self {
            detector: Detector::load(detector, Arc::clone(&pool))?,
            embedder: Embedder::load(embedder, pool)?,
            model_id: format!("onnx:{}", hex::encode(&digest[..8])),
            limits,
        })
    }
}

impl Extractor for OnnxExtractor {
    fn model_id(&self) -> &str {
        &self.model_id
    }

    fn dim(&self) -> usize {
        self.embedder.dim()
    }

    fn detect(&self, image: &[u8]) -> Result<(u32, u32, Vec<Face>), FaceError> {
        let pixels = decode(image, &self.limits)?;
        let faces = self.detector.detect(&pixels)?;
        Ok((pixels.width(), pixels.height(), faces))
    }

    fn extract(&self, image: &[u8], face: Option<usize>) -> Result<Extraction, FaceError> {
        let pixels = decode(image, &self.limits)?;
        let faces = self.detector.detect(&pixels)?;
        let selected = match (face, faces.len()) {
            (_, 0) => return Err(FaceError::NoFace),
            (Some(index), found) if index >= found => {
                return Err(FaceError::NoSuchFace { index, found });
            }
            (Some(index), _) => index,
            (None, 1) => 0,
            (None, _) => return Err(FaceError::SeveralFaces { faces }),
        };
        let inter_eye = faces[selected].inter_eye();
        if inter_eye < MIN_INTER_EYE {
            return Err(FaceError::FaceTooSmall { inter_eye, minimum: MIN_INTER_EYE });
        }
        let sample = align(&pixels, &faces[selected].landmarks).ok_or(FaceError::NotAlignable { index: selected })?;
        let template = self.embedder.embed(&sample)?;
        Ok(Extraction { width: pixels.width(), height: pixels.height(), faces, selected, inter_eye, template })
    }
}

impl fmt::Debug for OnnxExtractor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxExtractor")
            .field("model_id", &self.model_id)
            .field("dim", &self.dim())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

//! What goes wrong, told to the one who can change it: [`FaceError`] to whoever sent the image, [`LoadError`] to
//! whoever configures the deployment.

use std::path::PathBuf;

use thiserror::Error;

use crate::Face;

/// Why an image gave no template.
///
/// All but [`Inference`](FaceError::Inference) are about the image or the request, and sending the same again fails
/// the same way.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FaceError {
    /// The file is longer than the deployment accepts.
    #[error("image has {bytes} bytes, more than the {limit} allowed; send a smaller file")]
    TooLarge {
        /// Length of what was sent, in bytes.
        bytes: usize,
        /// [`Limits::max_bytes`](crate::Limits::max_bytes).
        limit: usize,
    },

    /// The first bytes belong to neither format.
    #[error("image begins with the bytes `{begins}`, which is neither JPEG nor PNG; send one of these two")]
    NotAnImage {
        /// At most the first eight bytes, in hexadecimal; empty if nothing was sent.
        begins: String,
    },

    /// The header announces more pixels than the deployment accepts. None of them was decoded.
    #[error(
        "image is {width} x {height} pixels; send one of at most {max_pixels} pixels, no side longer than {max_side}"
    )]
    TooManyPixels {
        /// Width by the header, in pixels, before orientation.
        width: u32,
        /// Height by the header, in pixels, before orientation.
        height: u32,
        /// [`Limits::max_pixels`](crate::Limits::max_pixels).
        max_pixels: u64,
        /// [`Limits::max_side`](crate::Limits::max_side).
        max_side: u32,
    },

    /// The format is right, the content is not.
    #[error("image cannot be decoded ({reason}); send an undamaged JPEG or PNG file")]
    Undecodable {
        /// The decoder's words.
        reason: String,
    },

    /// The detector found nobody.
    #[error("image shows no face; send one in which the face is larger, sharper or more frontal")]
    NoFace,

    /// Somebody must say which face is meant.
    #[error(
        "image shows {} faces; name the one to use by its index, 0 to {}",
        .faces.len(),
        .faces.len().saturating_sub(1)
    )]
    SeveralFaces {
        /// All of them, largest box first: the order of the indices.
        faces: Vec<Face>,
    },

    /// The index points past the last face.
    #[error("image shows {found} faces, so none has index `{index}`; count from 0")]
    NoSuchFace {
        /// What was asked for.
        index: usize,
        /// How many faces there are; at least 1.
        found: usize,
    },

    /// Enlarging so few pixels would make a face up, not find one.
    #[error("face has {inter_eye:.1} pixels between the eyes, fewer than {minimum}; send a closer image")]
    FaceTooSmall {
        /// Between the eyes of the chosen face, in pixels.
        inter_eye: f32,
        /// The least this crate works with, in pixels.
        minimum: f32,
    },

    /// No similarity transform takes these landmarks to the pattern: they do not lie like those of a face.
    #[error("landmarks of face `{index}` do not lie like those of a face; choose another face or image")]
    NotAlignable {
        /// The chosen face.
        index: usize,
    },

    /// A network failed or gave no usable numbers: the deployment's fault, not the sender's.
    #[error("face network failed ({reason}); check the deployment's models")]
    Inference {
        /// The runtime's words.
        reason: String,
    },
}

/// Why the networks could not be loaded.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is not there, or not for us.
    #[error("cannot read the model `{}` ({reason}); check the path and its permissions", .path.display())]
    Read {
        /// As configured.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },

    /// Not ONNX, damaged, or with operators the runtime does not have.
    #[error("{model} cannot be loaded ({reason}); give an intact ONNX file")]
    NotAModel {
        /// `detector` or `embedder`.
        model: &'static str,
        /// The runtime's words.
        reason: String,
    },

    /// The network takes something else than one image of the right size.
    #[error("{model} takes {found} where {expected} is needed; export it for that input")]
    WrongInput {
        /// `detector` or `embedder`.
        model: &'static str,
        /// The input this crate provides.
        expected: String,
        /// The input the model declares.
        found: String,
    },

    /// The network does not give what this crate reads.
    #[error("{model} gives {found} where {expected} is needed; use a network of that kind")]
    WrongOutput {
        /// `detector` or `embedder`.
        model: &'static str,
        /// The output this crate reads.
        expected: String,
        /// The output the model has.
        found: String,
    },

    /// The network loads, but does not run.
    #[error("{model} failed its trial run ({reason}); use a network this runtime supports")]
    TrialRun {
        /// `detector` or `embedder`.
        model: &'static str,
        /// The runtime's words.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_to_change() {
        let face = Face { bounding_box: [0.0; 4], landmarks: [[0.0; 2]; 5], score: 0.9 };
        let several = FaceError::SeveralFaces { faces: vec![face.clone(), face] };
        assert_eq!(several.to_string(), "image shows 2 faces; name the one to use by its index, 0 to 1");
        let missing = FaceError::NoSuchFace { index: 3, found: 2 };
        assert!(missing.to_string().contains("`3`"));
    }
}

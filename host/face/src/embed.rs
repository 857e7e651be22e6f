//! From the aligned sample to a template of unit length.

use std::sync::Arc;

use rten::{NodeId, ThreadPool};

use crate::align::SIDE;
use crate::network::Network;
use crate::{FaceError, LoadError};

const NAME: &str = "embedder";

/// A loaded ArcFace-style network.
pub(crate) struct Embedder {
    network: Network,
    output: NodeId,
    dim: usize,
}

impl Embedder {
    /// Loads the network and runs it once: the length of its output is the dimension of every template.
    ///
    /// # Errors
    /// The bytes are no model, or not one from a 112 × 112 sample to one vector.
    pub(crate) fn load(onnx: &[u8], pool: Arc<ThreadPool>) -> Result<Self, LoadError> {
        let network = Network::load(NAME, onnx, [1, 3, SIDE, SIDE], pool)?;
        let wrong_output = |found: String| LoadError::WrongOutput {
            model: NAME,
            expected: "one output of shape [1, n]".to_owned(),
            found,
        };
        let &[output] = network.output_ids() else {
            return Err(wrong_output(format!("{} outputs", network.output_ids().len())));
        };
        let mut values = network
            .run(&vec![127.5; 3 * SIDE * SIDE], &[output])
            .map_err(|reason| LoadError::TrialRun { model: network.name(), reason })?;
        let value = values.pop().ok_or_else(|| wrong_output("nothing".to_owned()))?;
        let (shape, _) = value
            .into_shape_vec::<f32, 2>()
            .map_err(|error| wrong_output(format!("another kind of output ({error})")))?;
        match shape {
            [1, dim] if dim > 0 => Ok(Self { network, output, dim }),
            other => Err(wrong_output(format!("one output of shape {other:?}"))),
        }
    }

    /// Length of the templates, in elements.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Embeds one aligned sample, `3 × 112 × 112`, planes red, green, blue, 0 to 255.
    ///
    /// # Errors
    /// The network fails, or its output has no direction.
    pub(crate) fn embed(&self, sample: &[f32]) -> Result<Vec<f32>, FaceError> {
        let failed = |reason: String| FaceError::Inference { reason };
        let value = self
            .network
            .run(sample, &[self.output])
            .map_err(failed)?
            .pop()
            .ok_or_else(|| failed("embedder gave no output".to_owned()))?;
        let (shape, vector) = value.into_shape_vec::<f32, 2>().map_err(|error| failed(error.to_string()))?;
        if shape != [1, self.dim] {
            return Err(failed(format!("embedder gave shape {shape:?}, not {:?}", [1, self.dim])));
        }
        unit_length(vector).ok_or_else(|| failed("embedder gave zeros or what is not a number".to_owned()))
    }
}

/// Divides by the Euclidean length. `None` where that has no meaning: zeros, infinities, not a number.
fn unit_length(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let square: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let length = square.sqrt();
    if !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
        return None;
    }
    for x in &mut vector {
        *x = (f64::from(*x) / length) as f32;
    }
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_have_unit_length() {
        assert_eq!(unit_length(vec![3.0, 0.0, -4.0]), Some(vec![0.6, 0.0, -0.8]));
        let huge = unit_length(vec![f32::MAX; 4]).expect("finite in f64");
        assert!(huge.iter().all(|&x| (x - 0.5).abs() < 1e-6));
    }

    #[test]
    fn what_has_no_direction_is_no_template() {
        for vector in [vec![], vec![0.0; 4], vec![1.0, f32::NAN], vec![f32::INFINITY, 1.0]] {
            assert_eq!(unit_length(vector), None);
        }
    }
}

//! An ONNX network with one image input, and the threads it runs on: what this crate asks of the runtime (rten).

use std::sync::Arc;

use rten::{Dimension, Model, NodeId, RunOptions, ThreadPool, Value, ValueView};

use crate::LoadError;

/// The first byte of an ONNX file: field 1 of the message, `ir_version`, a varint (onnx.proto, ModelProto).
const IR_VERSION_TAG: u8 = 0x08;

/// One loaded network.
pub(crate) struct Network {
    name: &'static str,
    model: Model,
    input: NodeId,
    shape: [usize; 4],
    pool: Arc<ThreadPool>,
}

impl Network {
    /// Loads an ONNX file and checks that its one input takes `shape` (batch, planes, height, width).
    ///
    /// # Errors
    /// The bytes are no model the runtime can load, or it takes something else.
    pub(crate) fn load(
        name: &'static str,
        onnx: &[u8],
        shape: [usize; 4],
        pool: Arc<ThreadPool>,
    ) -> Result<Self, LoadError> {
        let not_a_model = |reason: String| LoadError::NotAModel { model: name, reason };
        // The runtime's reader does not come back from some bytes that are no protobuf message at all.
        if onnx.first() != Some(&IR_VERSION_TAG) {
            return Err(not_a_model("it does not begin with an IR version, as ONNX files do".to_owned()));
        }
        let model = Model::load(onnx.to_vec()).map_err(|error| not_a_model(error.to_string()))?;
        let wrong_input = |found: String| LoadError::WrongInput {
            model: name,
            expected: format!("one input of shape {shape:?}"),
            found,
        };
        let &[input] = model.input_ids() else {
            return Err(wrong_input(format!("{} inputs", model.input_ids().len())));
        };
        // A model need not declare its input's shape; the trial run decides then.
        let declared = model.node_info(input).and_then(|node| node.shape());
        if let Some(declared) = declared
            && !fits(&declared, &shape)
        {
            return Err(wrong_input(format!("one input of shape {declared:?}")));
        }
        Ok(Self { name, model, input, shape, pool })
    }

    /// What messages call this network.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The outputs in the model's own order.
    pub(crate) fn output_ids(&self) -> &[NodeId] {
        self.model.output_ids()
    }

    /// The output called `name`, if there is one.
    pub(crate) fn output(&self, name: &str) -> Option<NodeId> {
        self.model.find_node(name).filter(|id| self.model.output_ids().contains(id))
    }

    /// Runs the network on one image, `shape` in row-major order, and returns the values of `outputs`.
    ///
    /// # Errors
    /// The runtime's words.
    pub(crate) fn run(&self, image: &[f32], outputs: &[NodeId]) -> Result<Vec<Value>, String> {
        let input = ValueView::from_shape(self.shape, image).map_err(|error| error.to_string())?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        self.model.run(vec![(self.input, input.into())], outputs, Some(options)).map_err(|error| error.to_string())
    }
}

fn fits(declared: &[Dimension], shape: &[usize]) -> bool {
    declared.len() == shape.len()
        && declared.iter().zip(shape).all(|(dimension, &size)| match dimension {
            Dimension::Fixed(fixed) => *fixed == size,
            // Chosen at each run: a batch of any size, an image of any side.
            Dimension::Symbolic(_) => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        for bytes in [&b""[..], &b"not a model"[..], &[0xFF; 64][..]] {
            let Err(error) = Network::load("detector", bytes, [1, 3, 640, 640], Arc::clone(&pool)) else {
                panic!("loaded {bytes:?}");
            };
            assert!(matches!(error, LoadError::NotAModel { model: "detector", .. }), "{error}");
        }
    }

    #[test]
    fn a_symbolic_dimension_takes_any_size() {
        let fixed = Dimension::Fixed;
        let declared = [Dimension::from("batch"), fixed(3), fixed(112), fixed(112)];
        assert!(fits(&declared, &[1, 3, 112, 112]));
        assert!(!fits(&declared, &[1, 3, 640, 640]));
        assert!(!fits(&declared, &[1, 3, 112]));
    }
}

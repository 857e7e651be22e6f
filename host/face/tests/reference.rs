//! The whole way, on real photographs and real networks, against what a correct pipeline gives.
//!
//! The data is no part of the project. It is read from the folder `MAGISTRATE_SHARED`, or from `shared` beside the
//! project; where neither is there, the tests say `SKIPPED` and prove nothing.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use magistrate_face::{Extraction, Extractor, Face, FaceError, Limits, LoadError, ModelPaths, OnnxExtractor};
use serde::Deserialize;

/// `reference.json`.
#[derive(Deserialize)]
struct Reference {
    faces: BTreeMap<String, Photograph>,
    /// By the names of both photographs with a space between.
    cosine: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
struct Photograph {
    width: u32,
    height: u32,
    faces: usize,
    /// The largest face.
    #[serde(rename = "box")]
    bounding_box: [f32; 4],
    landmarks: [[f32; 2]; 5],
}

/// Agreement expected of another resampler, another JPEG decoder, another estimator of the transform.
const COSINE_TOLERANCE: f32 = 0.03;
const PIXEL_TOLERANCE: f32 = 4.0;

/// This package in the source tree that cargo runs, which need not be the one that was built where two share a target folder.
fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into()
}

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("MAGISTRATE_SHARED").map_or_else(|| package().join("../../../shared"), PathBuf::from);
    if folder.join("models").is_dir() && folder.join("faces").is_dir() {
        return Some(folder);
    }
    unable(&format!(
        "no models and faces in `{}`; set MAGISTRATE_SHARED to the folder that has them",
        folder.display()
    ));
    None
}

/// Says loudly that a test was skipped because this machine cannot run it.
fn unable(why: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    // Past the test harness, which keeps what `eprintln!` says of a test that passes; and in one piece.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn paths(shared: &Path) -> ModelPaths {
    ModelPaths {
        detector: shared.join("models/yunet_n_640_640.onnx"),
        embedder: shared.join("models/mobilefacenet_arcface_128.onnx"),
    }
}

fn extractor(shared: &Path) -> OnnxExtractor {
    paths(shared).load(Limits::default(), 2).expect("both networks load")
}

fn photograph(shared: &Path, name: &str) -> Vec<u8> {
    std::fs::read(shared.join("faces").join(name)).expect("the photograph is there")
}

fn reference(shared: &Path) -> Reference {
    let json = std::fs::read(shared.join("faces/reference.json")).expect("the reference is there");
    serde_json::from_slice(&json).expect("the reference parses")
}

fn cosine(a: &Extraction, b: &Extraction) -> f32 {
    a.template.iter().zip(&b.template).map(|(a, b)| a * b).sum()
}

fn assert_close(name: &str, what: &str, found: &[f32], expected: &[f32]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= PIXEL_TOLERANCE, "{name}: {what} at {found}, reference {expected}");
    }
}

fn assert_face(name: &str, face: &Face, expected: &Photograph) {
    assert_close(name, "box", &face.bounding_box, &expected.bounding_box);
    assert_close(name, "landmark", face.landmarks.as_flattened(), expected.landmarks.as_flattened());
}

#[test]
fn faces_boxes_and_cosines_agree_with_the_reference() {
    let Some(shared) = shared() else { return };
    let extractor = extractor(&shared);
    let reference = reference(&shared);
    assert_eq!(extractor.dim(), 128);

    let mut extractions = BTreeMap::new();
    for (name, expected) in &reference.faces {
        // The largest face is the first: in the photograph of two people, the one the reference is about.
        let found = extractor.extract(&photograph(&shared, name), Some(0)).expect("a face is found");
        assert_eq!((found.width, found.height), (expected.width, expected.height), "{name}");
        assert_eq!(found.faces.len(), expected.faces, "{name}");
        assert_face(name, &found.faces[0], expected);
        assert_eq!(found.inter_eye, found.faces[0].inter_eye());
        assert_eq!(found.template.len(), extractor.dim());
        assert!((cosine(&found, &found) - 1.0).abs() < 1e-5, "{name}");
        extractions.insert(name.as_str(), found);
    }

    assert_eq!(reference.cosine.len(), 15);
    // Names begin with the person's; the largest of the two people is Biden.
    let person = |name: &str| if name.starts_with("obama") { "obama" } else { "biden" };
    let (mut least_mated, mut most_other) = (f32::MAX, f32::MIN);
    for (pair, expected) in &reference.cosine {
        let (a, b) = pair.split_once(' ').expect("two names");
        let found = cosine(&extractions[a], &extractions[b]);
        println!("{pair}: {found:.3}, reference {expected:.3}");
        assert!((found - expected).abs() <= COSINE_TOLERANCE, "{pair}: {found:.3}, reference {expected:.3}");
        if person(a) == person(b) {
            least_mated = least_mated.min(found);
        } else {
            most_other = most_other.max(found);
        }
    }
    assert!(least_mated > most_other, "mated {least_mated}, others up to {most_other}");
}

#[test]
fn which_of_several_people_is_asked_back() {
    let Some(shared) = shared() else { return };
    let extractor = extractor(&shared);
    let image = photograph(&shared, "two-people.jpg");

    let (width, height, faces) = extractor.detect(&image).expect("detects");
    assert_eq!((width, height, faces.len()), (1126, 661, 2));
    let error = extractor.extract(&image, None).expect_err("two faces, none chosen");
    let listed = match error {
        FaceError::SeveralFaces { faces } => faces,
        other => panic!("{other}"),
    };
    assert_eq!(listed.len(), 2);
    for (listed, detected) in listed.iter().zip(&faces) {
        assert_close("two-people.jpg", "box", &listed.bounding_box, &detected.bounding_box);
    }
    let area = |face: &Face| face.bounding_box[2] * face.bounding_box[3];
    assert!(area(&faces[0]) >= area(&faces[1]), "largest first");

    let (first, second) = (
        extractor.extract(&image, Some(0)).expect("the first face"),
        extractor.extract(&image, Some(1)).expect("the second face"),
    );
    assert_eq!((first.selected, second.selected), (0, 1));
    assert!(cosine(&first, &second) < 0.4, "two people are not one");
    assert_eq!(extractor.extract(&image, Some(2)), Err(FaceError::NoSuchFace { index: 2, found: 2 }));
}

#[test]
fn an_image_without_a_face_says_so() {
    let Some(shared) = shared() else { return };
    let extractor = extractor(&shared);
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(300, 200, |x, y| image::Rgb([(x % 256) as u8, y as u8, 128]))
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("encodes");
    let png = png.into_inner();
    assert_eq!(extractor.detect(&png), Ok((300, 200, Vec::new())));
    assert_eq!(extractor.extract(&png, None), Err(FaceError::NoFace));
    assert_eq!(extractor.extract(&png, Some(0)), Err(FaceError::NoFace));
}

#[test]
fn a_template_belongs_to_its_embedder() {
    let Some(shared) = shared() else { return };
    // First digits of the embedder's SHA-256, as the folder's README has them.
    let id = extractor(&shared).model_id().to_owned();
    assert!(id.starts_with("onnx:47e90177"), "{id}");
    assert_eq!(id.len(), "onnx:".len() + 16);
}

#[test]
fn one_extractor_serves_many_threads() {
    let Some(shared) = shared() else { return };
    let extractor = extractor(&shared);
    let image = photograph(&shared, "obama-1.jpg");
    let door: &dyn Extractor = &extractor;
    let templates: Vec<Extraction> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..3).map(|_| scope.spawn(|| door.extract(&image, None).expect("one face"))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(templates.iter().all(|other| cosine(&templates[0], other) > 0.9999));
}

#[test]
fn networks_in_each_others_place_are_refused() {
    let Some(shared) = shared() else { return };
    let ModelPaths { detector, embedder } = paths(&shared);
    let swapped = ModelPaths { detector: embedder.clone(), embedder: detector.clone() };
    let error = swapped.load(Limits::default(), 1).expect_err("swapped");
    assert!(matches!(error, LoadError::WrongInput { model: "detector", .. }), "{error}");
    let twice = ModelPaths { detector: detector.clone(), embedder: detector };
    let error = twice.load(Limits::default(), 1).expect_err("no embedder");
    assert!(matches!(error, LoadError::WrongInput { model: "embedder", .. }), "{error}");
}

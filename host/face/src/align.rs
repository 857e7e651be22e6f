//! From landmarks to the 112 × 112 sample that the embedder was trained on.

use image::RgbImage;

/// Side of the aligned sample, in pixels.
pub(crate) const SIDE: usize = 112;

/// Where ArcFace puts right eye, left eye, nose tip and the corners of the mouth, in pixels of the sample, whole
/// numbers being pixel centres (insightface, `face_align.py`, `arcface_dst`).
const PATTERN: [[f64; 2]; 5] =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

/// Most samples of the original averaged into one, along each axis. 16 keeps every pixel of a face 1,800 pixels wide;
/// a larger one is sampled more thinly, so that its size does not decide the time.
const MAX_SAMPLES: usize = 16;

/// Rotation, uniform scale and shift: `(x, y)` goes to `(a·x − b·y + tx, b·x + a·y + ty)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Similarity {
    a: f64,
    b: f64,
    tx: f64,
    ty: f64,
}

impl Similarity {
    /// The least-squares similarity from `from` to `to`: Umeyama's estimate (IEEE PAMI 13(4), 1991), which in the
    /// plane and without mirroring has this closed form. `None` if the points do not determine one.
    fn between(from: &[[f64; 2]; 5], to: &[[f64; 2]; 5]) -> Option<Self> {
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut spread, mut dot, mut cross) = (0.0, 0.0, 0.0);
        for (f, t) in from.iter().zip(to) {
            let (fx, fy) = (f[0] - from_mean[0], f[1] - from_mean[1]);
            let (tx, ty) = (t[0] - to_mean[0], t[1] - to_mean[1]);
            spread += fx * fx + fy * fy;
            dot += fx * tx + fy * ty;
            cross += fx * ty - fy * tx;
        }
        let (a, b) = (dot / spread, cross / spread);
        let found = Self {
            a,
            b,
            tx: to_mean[0] - a * from_mean[0] + b * from_mean[1],
            ty: to_mean[1] - b * from_mean[0] - a * from_mean[1],
        };
        // Below, a thousand pixels of the original would be one of the sample; also false for what is not a number.
        let usable = found.scale() > 1e-3 && found.tx.is_finite() && found.ty.is_finite();
        usable.then_some(found)
    }

    fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// Where `(x, y)` came from.
    fn inverse(&self, x: f64, y: f64) -> [f64; 2] {
        let square = self.a * self.a + self.b * self.b;
        let (x, y) = (x - self.tx, y - self.ty);
        [(self.a * x + self.b * y) / square, (self.a * y - self.b * x) / square]
    }
}

fn mean(points: &[[f64; 2]; 5]) -> [f64; 2] {
    let sum = points.iter().fold([0.0_f64; 2], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
    sum.map(|total| total / points.len() as f64)
}

/// Samples the face with these landmarks into the pattern: `3 × 112 × 112`, planes red, green, blue, 0 to 255, black
/// where the face reaches past the border. `None` if the landmarks determine no similarity.
///
/// Where the original is finer than the sample, each pixel is the mean of a grid of bilinear samples no more than a
/// pixel apart. One sample each, as `warpAffine` takes, reads a few hundred of a large face's pixels and makes the
/// template depend on which: with two grey levels of noise and landmarks a hundredth of the eye distance off, the
/// cosine to the undisturbed template was 0.97 so and 0.99 with the mean.
pub(crate) fn align(image: &RgbImage, landmarks: &[[f32; 2]; 5]) -> Option<Vec<f32>> {
    let similarity = Similarity::between(&landmarks.map(|point| point.map(f64::from)), &PATTERN)?;
    let grid = ((1.0 / similarity.scale()).ceil() as usize).clamp(1, MAX_SAMPLES);
    let offset = |step: usize| (step as f64 + 0.5) / grid as f64 - 0.5;
    let mut sample = vec![0.0; 3 * SIDE * SIDE];
    for y in 0..SIDE {
        for x in 0..SIDE {
            let mut sum = [0.0_f32; 3];
            for row in 0..grid {
                for column in 0..grid {
                    let [from_x, from_y] = similarity.inverse(x as f64 + offset(column), y as f64 + offset(row));
                    add_bilinear(image, from_x, from_y, &mut sum);
                }
            }
            for (plane, total) in sum.into_iter().enumerate() {
                sample[(plane * SIDE + y) * SIDE + x] = total / (grid * grid) as f32;
            }
        }
    }
    Some(sample)
}

/// Adds the colour at `(x, y)`, whole numbers being pixel centres, pixels outside being black.
fn add_bilinear(image: &RgbImage, x: f64, y: f64, sum: &mut [f32; 3]) {
    let (left, top) = (x.floor(), y.floor());
    let (right_part, lower_part) = ((x - left) as f32, (y - top) as f32);
    let corners = [
        (0.0, 0.0, (1.0 - right_part) * (1.0 - lower_part)),
        (1.0, 0.0, right_part * (1.0 - lower_part)),
        (0.0, 1.0, (1.0 - right_part) * lower_part),
        (1.0, 1.0, right_part * lower_part),
    ];
    for (dx, dy, weight) in corners {
        let (x, y) = (left + dx, top + dy);
        // A negative number would become 0 in the cast.
        if x < 0.0 || y < 0.0 {
            continue;
        }
        // A number too large becomes the largest, which no image reaches.
        if let Some(pixel) = image.get_pixel_checked(x as u32, y as u32) {
            for (total, &channel) in sum.iter_mut().zip(&pixel.0) {
                *total += weight * f32::from(channel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn apply(similarity: &Similarity, [x, y]: [f64; 2]) -> [f64; 2] {
        let Similarity { a, b, tx, ty } = *similarity;
        [a * x - b * y + tx, b * x + a * y + ty]
    }

    #[test]
    fn a_known_similarity_is_recovered() {
        for degrees in [0.0_f64, 30.0, -90.0, 180.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let known = Similarity { a: 0.3 * cos, b: 0.3 * sin, tx: -7.0, ty: 250.5 };
            let to = PATTERN.map(|point| apply(&known, point));
            let found = Similarity::between(&PATTERN, &to).expect("determined");
            for (found, known) in [(found.a, known.a), (found.b, known.b), (found.tx, known.tx), (found.ty, known.ty)] {
                assert!((found - known).abs() < 1e-9, "{found} is not {known}");
            }
            let [x, y] = found.inverse(to[2][0], to[2][1]);
            assert!((x - PATTERN[2][0]).abs() < 1e-9 && (y - PATTERN[2][1]).abs() < 1e-9);
        }
    }

    #[test]
    fn a_disturbed_similarity_is_the_best_fit() {
        let mut to = PATTERN;
        to[0][0] += 3.0;
        to[4][1] -= 2.0;
        let found = Similarity::between(&PATTERN, &to).expect("determined");
        let error = |similarity: &Similarity| -> f64 {
            PATTERN
                .iter()
                .zip(&to)
                .map(|(&from, to)| {
                    let [x, y] = apply(similarity, from);
                    (x - to[0]).powi(2) + (y - to[1]).powi(2)
                })
                .sum()
        };
        let least = error(&found);
        for step in [-1e-3, 1e-3] {
            for moved in [
                Similarity { a: found.a + step, ..found },
                Similarity { b: found.b + step, ..found },
                Similarity { tx: found.tx + step, ..found },
                Similarity { ty: found.ty + step, ..found },
            ] {
                assert!(error(&moved) > least);
            }
        }
    }

    #[test]
    fn landmarks_that_determine_nothing_are_refused() {
        let image = RgbImage::new(10, 10);
        assert_eq!(align(&image, &[[5.0, 5.0]; 5]), None);
        assert_eq!(align(&image, &[[f32::NAN; 2]; 5]), None);
        assert_eq!(align(&image, &[[f32::INFINITY, 0.0]; 5]), None);
    }

    #[test]
    fn the_sample_shows_what_lies_under_the_pattern() {
        // Red counts columns and green rows, so a sample says where it was taken.
        let image = RgbImage::from_fn(250, 250, |x, y| Rgb([x as u8, y as u8, 77]));
        for (scale, shift) in [(1.0, 50.0), (1.8, 10.0), (0.5, 40.25)] {
            let landmarks = PATTERN.map(|point| point.map(|at| (at * scale + shift) as f32));
            let sample = align(&image, &landmarks).expect("determined");
            for (x, y) in [(0, 0), (111, 0), (10, 20), (56, 72), (111, 111)] {
                let expected = [x as f64 * scale + shift, y as f64 * scale + shift, 77.0];
                for (plane, expected) in expected.into_iter().enumerate() {
                    let found = f64::from(sample[(plane * SIDE + y) * SIDE + x]);
                    assert!((found - expected).abs() < 0.02, "{found} is not {expected}");
                }
            }
        }
    }

    #[test]
    fn past_the_border_is_black() {
        let image = RgbImage::from_pixel(112, 112, Rgb([255; 3]));
        let landmarks = PATTERN.map(|[x, y]| [x as f32 - 20.0, y as f32]);
        let sample = align(&image, &landmarks).expect("determined");
        assert_eq!(sample[50 * SIDE], 0.0);
        assert!((sample[50 * SIDE + 60] - 255.0).abs() < 0.01);
    }
}

//! The detector's view: the image shrunk (or enlarged) to fit a square canvas, top left, the rest zero.
//!
//! Shrinking averages over the area each new pixel covers. Point sampling, bilinear or not, moves landmarks by pixels
//! once a photograph is several times larger than the canvas, and the template follows them.

use image::RgbImage;

/// Side of the canvas, in pixels: what YuNet is exported for.
pub(crate) const CANVAS: usize = 640;

/// The image as the detector takes it.
pub(crate) struct Canvas {
    /// `3 × CANVAS × CANVAS`, planes blue, green, red, samples 0 to 255.
    pub(crate) samples: Vec<f32>,
    /// Pixels of the original per pixel of the canvas, the same in both directions.
    pub(crate) ratio: f32,
}

/// Scales the longer side of `image` to [`CANVAS`] pixels.
pub(crate) fn fit(image: &RgbImage) -> Canvas {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let ratio = width.max(height) as f64 / CANVAS as f64;
    let columns = taps(width, ratio);
    let rows = taps(height, ratio);

    let pixels: &[u8] = image.as_raw();
    let row_len = 3 * width;
    let mut samples = vec![0.0; 3 * CANVAS * CANVAS];
    // One row of the original's width at a time: no copy of a large image in floats.
    let mut row = vec![0.0_f32; row_len];
    for (y, vertical) in rows.iter().enumerate() {
        row.fill(0.0);
        let lines = pixels.chunks_exact(row_len).skip(vertical.first);
        for (line, &weight) in lines.zip(&vertical.weights) {
            for (sum, &sample) in row.iter_mut().zip(line) {
                *sum += weight * f32::from(sample);
            }
        }
        for (x, horizontal) in columns.iter().enumerate() {
            let mut bgr = [0.0_f32; 3];
            let triples = row.as_chunks::<3>().0.iter().skip(horizontal.first);
            for (rgb, &weight) in triples.zip(&horizontal.weights) {
                bgr[0] += weight * rgb[2];
                bgr[1] += weight * rgb[1];
                bgr[2] += weight * rgb[0];
            }
            for (plane, sum) in bgr.into_iter().enumerate() {
                samples[(plane * CANVAS + y) * CANVAS + x] = sum;
            }
        }
    }
    Canvas { samples, ratio: ratio as f32 }
}

/// What one new pixel takes from a line of old ones: consecutive weights that sum to 1.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// The taps of every new pixel along a side of `len` old ones, `ratio` old to one new.
///
/// The ratio is kept exact rather than bent to the rounded new length, so that the image is not stretched.
fn taps(len: usize, ratio: f64) -> Vec<Taps> {
    let new_len = ((len as f64 / ratio).round() as usize).clamp(1, CANVAS);
    (0..new_len)
        .map(|new| {
            if ratio < 1.0 {
                interpolated(len, (new as f64 + 0.5) * ratio - 0.5)
            } else {
                averaged(len, new as f64 * ratio, (new + 1) as f64 * ratio)
            }
        })
        .collect()
}

/// Linear between the two pixels around `centre`; the border repeats.
fn interpolated(len: usize, centre: f64) -> Taps {
    let last = len - 1;
    let centre = centre.clamp(0.0, last as f64);
    let first = (centre.floor() as usize).min(last);
    let fraction = (centre - first as f64) as f32;
    let weights = if first == last { vec![1.0] } else { vec![1.0 - fraction, fraction] };
    Taps { first, weights }
}

/// Every pixel between `from` and `to`, by how much of it lies there.
fn averaged(len: usize, from: f64, to: f64) -> Taps {
    let to = to.min(len as f64);
    let first = (from as usize).min(len - 1);
    let end = (to.ceil() as usize).clamp(first + 1, len);
    let covered: Vec<f64> =
        (first..end).map(|old| (to.min((old + 1) as f64) - from.max(old as f64)).max(0.0)).collect();
    let total: f64 = covered.iter().sum();
    Taps {
        first,
        // The last new pixel starts inside the image (rounding adds at most half a pixel), so it covers something.
        weights: covered.iter().map(|part| (part / total) as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn sample(canvas: &Canvas, plane: usize, x: usize, y: usize) -> f32 {
        canvas.samples[(plane * CANVAS + y) * CANVAS + x]
    }

    #[test]
    fn planes_are_blue_green_red_and_the_rest_is_zero() {
        for (width, height) in [(1280, 320), (640, 160), (64, 16), (999, 250)] {
            let canvas = fit(&RgbImage::from_pixel(width, height, Rgb([200, 100, 50])));
            for (plane, expected) in [50.0, 100.0, 200.0].into_iter().enumerate() {
                for (x, y) in [(0, 0), (639, 159), (320, 80)] {
                    let found = sample(&canvas, plane, x, y);
                    assert!((found - expected).abs() < 0.01, "{width} x {height}: {found}");
                }
                assert_eq!(sample(&canvas, plane, 0, 161), 0.0);
                assert_eq!(sample(&canvas, plane, 639, 639), 0.0);
            }
        }
    }

    #[test]
    fn shrinking_averages_what_lies_between_the_samples() {
        // Stripes one pixel wide: point sampling would return one of the two.
        let stripes = RgbImage::from_fn(1280, 8, |x, _| Rgb([[0, 200][(x % 2) as usize]; 3]));
        let canvas = fit(&stripes);
        assert!((0..CANVAS).all(|x| (sample(&canvas, 0, x, 0) - 100.0).abs() < 0.01));
    }

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for len in [1_usize, 2, 639, 640, 641, 970, 1137, 16_384] {
            for longer in [len, len + 1, 3 * len + 7] {
                for tap in taps(len, longer as f64 / CANVAS as f64) {
                    let sum: f32 = tap.weights.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-4, "{len} of {longer}: {sum}");
                    assert!(tap.first + tap.weights.len() <= len);
                }
            }
        }
    }

    #[test]
    fn the_thinnest_image_still_fills_a_line() {
        let canvas = fit(&RgbImage::from_pixel(10_000, 1, Rgb([10, 10, 10])));
        assert!((sample(&canvas, 1, 639, 0) - 10.0).abs() < 0.01);
        assert_eq!(sample(&canvas, 1, 639, 1), 0.0);
    }
}

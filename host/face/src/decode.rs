//! Image bytes to upright RGB pixels, within [`Limits`].
//!
//! Bytes here come from outside and may be built to hurt, so the cheap refusals come first: length, first bytes, size
//! by the header, and only then a decoder, which is not trusted not to panic. Metadata ends here: of EXIF only the
//! orientation is read, colour profiles are ignored, transparency is dropped.

use std::io::Cursor;
use std::panic::catch_unwind;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, RgbImage};

use crate::{FaceError, Limits};

/// First eight bytes of every PNG file (PNG specification, 5.2).
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Start-of-image marker and the first byte of the next one (ITU-T T.81, B.2).
const JPEG_SIGNATURE: &[u8] = &[0xFF, 0xD8, 0xFF];

/// What a PNG's text, profile and EXIF chunks may unpack to, in bytes; the png crate's own default.
const MAX_ANCILLARY_BYTES: u64 = 64 << 20;

#[derive(Clone, Copy)]
enum Format {
    Jpeg,
    Png,
}

/// Decodes a JPEG or PNG file and turns it upright.
///
/// # Errors
/// The file is too long, in another format, of too many pixels, cut short or damaged.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, FaceError> {
    if bytes.len() > limits.max_bytes {
        return Err(FaceError::TooLarge { bytes: bytes.len(), limit: limits.max_bytes });
    }
    let format = format_of(bytes)?;
    // zune-jpeg has open reports of panics on crafted files: one request's image must not end the thread that others
    // share.
    catch_unwind(|| match format {
        Format::Jpeg => decode_jpeg(bytes, limits),
        Format::Png => decode_png(bytes, limits),
    })
    .unwrap_or_else(|_| Err(undecodable("the decoder gave up")))
}

fn format_of(bytes: &[u8]) -> Result<Format, FaceError> {
    if bytes.starts_with(JPEG_SIGNATURE) {
        Ok(Format::Jpeg)
    } else if bytes.starts_with(PNG_SIGNATURE) {
        Ok(Format::Png)
    } else {
        Err(FaceError::NotAnImage { begins: hex::encode(&bytes[..bytes.len().min(8)]) })
    }
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<RgbImage, FaceError> {
    // The decoder fills what is missing with grey and says nothing: half a face must not pass for a whole one.
    if !has_end_of_image(bytes) {
        return Err(undecodable("the file ends before its end-of-image marker"));
    }
    // `new` parses headers only.
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    decoder.set_limits(decoder_limits(limits)).map_err(undecodable)?;
    upright(decoder)
}

fn decode_png(bytes: &[u8], limits: &Limits) -> Result<RgbImage, FaceError> {
    // Before the decoder is built, because building it reads on to the first pixels.
    if let Some((width, height)) = png_size(bytes) {
        check_size(width, height, limits)?;
    }
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(limits)).map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    upright(decoder)
}

fn upright<D: ImageDecoder>(mut decoder: D) -> Result<RgbImage, FaceError> {
    let orientation = decoder.orientation().map_err(undecodable)?;
    let image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    // To three bytes a pixel first: turning makes a copy.
    let mut image = DynamicImage::ImageRgb8(image.into_rgb8());
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

fn check_size(width: u32, height: u32, limits: &Limits) -> Result<(), FaceError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(undecodable("it has no pixels"));
    }
    if width.max(height) > limits.max_side || pixels > limits.max_pixels {
        return Err(FaceError::TooManyPixels {
            width,
            height,
            max_pixels: limits.max_pixels,
            max_side: limits.max_side,
        });
    }
    Ok(())
}

fn decoder_limits(limits: &Limits) -> image::Limits {
    let mut decoder = image::Limits::no_limits();
    decoder.max_image_width = Some(limits.max_side);
    decoder.max_image_height = Some(limits.max_side);
    decoder.max_alloc = Some(MAX_ANCILLARY_BYTES);
    decoder
}

/// Width and height by the IHDR chunk, which comes first (PNG specification, 11.2.1).
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    let number = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four))
    };
    Some((number(16)?, number(20)?))
}

/// Walks the segments to the end-of-image marker (ITU-T T.81, B.1). A search for its two bytes would not do: the
/// thumbnail inside EXIF has them too.
fn has_end_of_image(bytes: &[u8]) -> bool {
    let mut at = 2_usize;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        // Entropy-coded data, and what some cameras leave between segments.
        if byte != 0xFF {
            continue;
        }
        match bytes.get(at) {
            Some(0xD9) => return true,
            // A fill byte: the marker is still to come.
            Some(0xFF) => {}
            // A stuffed 0xFF of the data, and the markers that have no segment.
            Some(0x00 | 0x01 | 0xD0..=0xD8) => at += 1,
            Some(_) => {
                let Some(&[high, low]) = bytes.get(at + 1..at + 3) else {
                    return false;
                };
                // The length counts itself; less than 2 is damage that the decoder will name.
                at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
            None => return false,
        }
    }
    false
}

fn undecodable(reason: impl ToString) -> FaceError {
    FaceError::Undecodable { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb};

    use super::*;

    /// 32 × 16, left half white, right half black.
    fn encoded(format: ImageFormat) -> Vec<u8> {
        let image = RgbImage::from_fn(32, 16, |x, _| Rgb([if x < 16 { 255 } else { 0 }; 3]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).expect("encodes");
        bytes.into_inner()
    }

    fn png_header(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = PNG_SIGNATURE.to_vec();
        bytes.extend(13_u32.to_be_bytes());
        bytes.extend(b"IHDR");
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        bytes
    }

    fn refusal(bytes: &[u8]) -> FaceError {
        match decode(bytes, &Limits::default()) {
            Ok(image) => panic!("decoded to {:?}", image.dimensions()),
            Err(error) => error,
        }
    }

    #[test]
    fn both_formats_give_the_same_picture() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let image = decode(&encoded(format), &Limits::default()).expect("decodes");
            assert_eq!(image.dimensions(), (32, 16));
            assert!(image.get_pixel(3, 8).0[0] > 240 && image.get_pixel(28, 8).0[0] < 15);
        }
    }

    #[test]
    fn a_long_file_is_refused_unread() {
        let limits = Limits { max_bytes: 10, ..Limits::default() };
        assert_eq!(decode(&[0; 11], &limits), Err(FaceError::TooLarge { bytes: 11, limit: 10 }));
    }

    #[test]
    fn other_formats_and_garbage_are_refused_by_their_first_bytes() {
        for (bytes, begins) in [
            (&b""[..], ""),
            (&b"\xFF\xD8"[..], "ffd8"),
            (&b"GIF89a\x01\x00\x01\x00"[..], "4749463839610100"),
            (&[0; 64][..], "0000000000000000"),
            (&b"RIFF\x00\x00\x00\x00WEBP"[..], "5249464600000000"),
        ] {
            let expected = FaceError::NotAnImage { begins: begins.to_owned() };
            assert_eq!(refusal(bytes), expected);
        }
    }

    #[test]
    fn a_huge_png_is_refused_by_its_header() {
        for (width, height) in [(50_000, 1), (1, 50_000), (10_000, 10_000), (u32::MAX, u32::MAX)] {
            let error = refusal(&png_header(width, height));
            assert!(
                matches!(error, FaceError::TooManyPixels { width: w, height: h, .. } if (w, h) == (width, height)),
                "{error}"
            );
        }
    }

    #[test]
    fn a_huge_jpeg_is_refused_by_its_header() {
        let mut bytes = encoded(ImageFormat::Jpeg);
        let frame =
            bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("the encoder writes a baseline frame");
        // Marker, length, precision, then height and width.
        bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
        let error = refusal(&bytes);
        assert!(matches!(error, FaceError::TooManyPixels { width: 65_500, height: 65_500, .. }), "{error}");
    }

    #[test]
    fn an_image_without_pixels_is_refused() {
        let error = refusal(&png_header(0, 8));
        assert!(matches!(error, FaceError::Undecodable { .. }), "{error}");
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let bytes = encoded(format);
            for length in [8, 30, bytes.len() / 2] {
                let error = refusal(&bytes[..length]);
                assert!(matches!(error, FaceError::Undecodable { .. }), "{error}");
            }
        }
        // A decoder that is not asked to be strict would fill in the rest.
        let bytes = encoded(ImageFormat::Jpeg);
        let error = refusal(&bytes[..bytes.len() - 2]);
        assert!(matches!(error, FaceError::Undecodable { .. }), "{error}");
    }

    #[test]
    fn damage_never_panics() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let whole = encoded(format);
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0xFF;
                // Any answer will do; an unwinding test would not.
                let _ = decode(&bytes, &Limits::default());
            }
        }
    }

    #[test]
    fn what_follows_the_end_of_a_jpeg_is_ignored() {
        let mut bytes = encoded(ImageFormat::Jpeg);
        bytes.extend(b"a maker's trailer");
        assert!(decode(&bytes, &Limits::default()).is_ok());
    }

    #[test]
    fn the_end_of_an_embedded_thumbnail_is_not_the_end() {
        let thumbnail = [0xFF, 0xD8, 0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xD9, 0xFF, 0xD9];
        assert!(!has_end_of_image(&thumbnail[..8]));
        assert!(has_end_of_image(&thumbnail));
    }

    #[test]
    fn orientation_is_applied() {
        // A TIFF header, then one entry: orientation (0x0112), short, one value.
        let exif = |value: u8| {
            let mut segment: Vec<u8> = vec![0xFF, 0xE1, 0x00, 0x22];
            segment.extend(b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01");
            segment.extend([0x01, 0x12, 0x00, 0x03, 0, 0, 0, 1, 0, value, 0, 0]);
            segment.extend([0; 4]);
            segment
        };
        let plain = encoded(ImageFormat::Jpeg);
        // What was white on the left ends up here.
        for (value, size, white, black) in [
            (1, (32, 16), (3, 8), (28, 8)),
            (2, (32, 16), (28, 8), (3, 8)),
            (3, (32, 16), (28, 8), (3, 8)),
            (6, (16, 32), (8, 3), (8, 28)),
            (8, (16, 32), (8, 28), (8, 3)),
        ] {
            let mut bytes = plain[..2].to_vec();
            bytes.extend(exif(value));
            bytes.extend(&plain[2..]);
            let image = decode(&bytes, &Limits::default()).expect("decodes");
            assert_eq!(image.dimensions(), size, "orientation {value}");
            assert!(image.get_pixel(white.0, white.1).0[0] > 240, "orientation {value}");
            assert!(image.get_pixel(black.0, black.1).0[0] < 15, "orientation {value}");
        }
    }
}

//! Photographs, made fit for print.
//!
//! Each is decoded within limits, turned upright, shrunk to what a printed half page can show and encoded again as JPEG.
//! So HTML and PDF show the same picture, no metadata travels with it, and five hundred of them still make a file that
//! opens. The picture in a paper is a copy for reading: the digest printed under it is the original file's.

use std::collections::HashMap;
use std::io::Cursor;
use std::panic::catch_unwind;
use std::sync::Arc;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::PngDecoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, RgbImage};
use model::terms::Digest;

/// Longest side kept, in pixels: 200 to the inch on half a page's width.
const MAX_SIDE: u32 = 640;

/// JPEG quality, 1 to 100: no blocks that an examiner would notice, 40 to 60 KB a picture.
const QUALITY: u8 = 88;

/// Longest file, in bytes; the limit for probes by default.
const MAX_FILE_BYTES: usize = 20 << 20;

/// Longest side and most pixels that are decoded; the limits for probes by default.
const MAX_DECODED_SIDE: u32 = 16_384;
const MAX_DECODED_PIXELS: u64 = 50_000_000;

/// What a file's text, profile and EXIF chunks may unpack to, in bytes.
const MAX_ANCILLARY_BYTES: u64 = 64 << 20;

/// A picture as it is printed.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) jpeg: Vec<u8>,
    /// In pixels, never 0.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Makes pictures, each file once: a probe stands beside every candidate.
#[derive(Default)]
pub(crate) struct Darkroom {
    made: HashMap<[u8; 32], Result<Arc<Picture>, String>>,
}

impl Darkroom {
    /// The picture of a JPEG or PNG file, or why there is none.
    pub(crate) fn develop(&mut self, file: &[u8]) -> Result<Arc<Picture>, String> {
        self.made.entry(Digest::of(file).0).or_insert_with(|| print(file).map(Arc::new)).clone()
    }
}

fn print(file: &[u8]) -> Result<Picture, String> {
    if file.len() > MAX_FILE_BYTES {
        return Err(format!("the file has more than {MAX_FILE_BYTES} bytes"));
    }
    // Image decoders have open reports of panics on crafted files; a paper with a placeholder is better than none.
    catch_unwind(|| print_unguarded(file)).unwrap_or_else(|_| Err("the decoder gave up".to_owned()))
}

fn print_unguarded(file: &[u8]) -> Result<Picture, String> {
    let image = decode(file)?;
    let (width, height) = image.dimensions();
    let longest = width.max(height);
    let image = if longest > MAX_SIDE {
        let scaled = |side: u32| {
            let exact = u64::from(side) * u64::from(MAX_SIDE) / u64::from(longest);
            u32::try_from(exact).unwrap_or(MAX_SIDE).max(1)
        };
        imageops::resize(&image, scaled(width), scaled(height), FilterType::Triangle)
    } else {
        image
    };
    let mut jpeg = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY)).map_err(reason)?;
    Ok(Picture { jpeg, width: image.width(), height: image.height() })
}

fn decode(file: &[u8]) -> Result<RgbImage, String> {
    if file.starts_with(&[0xFF, 0xD8, 0xFF]) {
        let mut decoder = JpegDecoder::new(Cursor::new(file)).map_err(reason)?;
        decoder.set_limits(limits()).map_err(reason)?;
        upright(decoder)
    } else if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        upright(PngDecoder::with_limits(Cursor::new(file), limits()).map_err(reason)?)
    } else {
        Err("the file is neither JPEG nor PNG".to_owned())
    }
}

fn upright<D: ImageDecoder>(mut decoder: D) -> Result<RgbImage, String> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MAX_DECODED_PIXELS {
        return Err(format!("it has {width} × {height} pixels"));
    }
    let orientation = decoder.orientation().map_err(reason)?;
    let mut image = DynamicImage::ImageRgb8(DynamicImage::from_decoder(decoder).map_err(reason)?.into_rgb8());
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

fn limits() -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(MAX_DECODED_SIDE);
    limits.max_image_height = Some(MAX_DECODED_SIDE);
    limits.max_alloc = Some(MAX_ANCILLARY_BYTES);
    limits
}

fn reason(error: impl ToString) -> String {
    crate::text::one_line(&error.to_string()).chars().take(120).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use image::{ImageFormat, Rgb};

    use super::*;

    /// A grey PNG of this size.
    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_pixel(width, height, Rgb([90; 3])).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_large_picture_is_shrunk_and_keeps_its_shape() {
        let picture = Darkroom::default().develop(&png(1280, 320)).unwrap();
        assert_eq!((picture.width, picture.height), (640, 160));
        assert!(picture.jpeg.starts_with(&[0xFF, 0xD8]));
        let sliver = Darkroom::default().develop(&png(3000, 1)).unwrap();
        assert_eq!((sliver.width, sliver.height), (640, 1));
    }

    #[test]
    fn what_is_no_picture_is_said_so() {
        let mut room = Darkroom::default();
        assert_eq!(room.develop(b"GIF89a").unwrap_err(), "the file is neither JPEG nor PNG");
        let cut = png(40, 40);
        assert!(room.develop(&cut[..cut.len() / 2]).is_err());
        assert!(room.develop(b"").is_err());
    }

    #[test]
    fn a_file_is_developed_once() {
        let mut room = Darkroom::default();
        let file = png(8, 8);
        assert!(Arc::ptr_eq(&room.develop(&file).unwrap(), &room.develop(&file).unwrap()));
    }
}

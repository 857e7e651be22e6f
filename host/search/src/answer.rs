//! What a search returns.

use model::terms::Digest;

/// The candidates of one search, with the certificate that no better one exists in the gallery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// At most `k` hits, by descending score; equal scores by ascending id, bytewise. The rank of a hit is its index
    /// plus one.
    pub hits: Vec<Hit>,
    /// How the search came to be certain of `hits`.
    pub certificate: Certificate,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The id the template was inserted under.
    pub id: Box<str>,
    /// Dot product of the stored unit f32 row and the unit f32 probe, summed in f64 in index order. Dimensionless, in
    /// `[-1, 1]` up to the f32 rounding of the two vectors (10⁻⁶).
    pub score: f64,
}

/// What was examined to give an [`Answer`], for the record of the search.
///
/// How many rows had to be scored depends on how many probes shared the pass and on what their threads knew of each other;
/// the hits do not. Rows and bound are zero when nothing had to be scanned (`k` of zero, or an empty gallery).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Certificate {
    /// Rows whose codes were compared with the probe: every row of the gallery, or every one that a filter admits.
    pub rows_scanned: u64,
    /// Rows whose score was computed exactly because the bound could not exclude them. At least the number of hits.
    pub rows_reranked: u64,
    /// No row's half-width of the bound by which rows were excluded is larger, in units of the score: no row's score is
    /// further than this from its estimate. See the crate's documentation for the proof.
    pub bound: f64,
    /// The digest of what the gallery held, whether or not a filter admitted it: [`Gallery::digest`](crate::Gallery::digest).
    pub gallery: Digest,
}

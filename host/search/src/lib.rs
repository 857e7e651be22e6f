//! Exact top-k search over a gallery of unit-length templates.
//!
//! A [`Gallery`] holds `n × dim` f32 templates under unique ids and answers "which `k` are most similar to this
//! probe?". The answer is exact and reproducible: the same ids, in the same order, with bit for bit the same scores
//! as a brute force that computes, for every stored row `x` and the normalised probe `q`,
//!
//! ```text
//! score = Σ_i f64(q_i) · f64(x_i)        summed in f64, in index order, from 0.0
//! ```
//!
//! and sorts by descending score, ties by ascending id (bytewise). Which instruction set, how many threads and how
//! many probes were searched together changes how long that takes, never what it returns.
//!
//! ```
//! use magistrate_search::Gallery;
//!
//! let mut gallery = Gallery::new(4)?;
//! gallery.insert("booking/17", &[1.0, 0.0, 0.0, 0.0])?;
//! gallery.insert("booking/18", &[0.0, 2.0, 0.0, 0.0])?;
//! let answer = gallery.search(&[3.0, 1.0, 0.0, 0.0], 1)?;
//! assert_eq!(&*answer.hits[0].id, "booking/17");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! There is nothing asynchronous here, and no I/O but in the one file that a gallery may be given. A search occupies the calling thread, and above 50,000 rows the
//! rayon pool as well, for milliseconds. An async caller hands it to a blocking thread.
//!
//! # Method
//!
//! Reading memory is the whole cost of a large scan, so the scan reads half a byte per value. Every row `x` is turned by
//! a fixed orthogonal transform `R` (a randomised Walsh–Hadamard transform: few values of `Rx` stand out) and carries
//! codes `c` of eight bits, odd numbers from -255 to 255, with one f32 scale `s`: `x̂ = s·c` approximates `Rx`, and
//! `ρ ≥ ‖Rx − x̂‖` is kept beside them. Each code is `16·h + l` with odd halves from -15 to 15; the coarse halves `h` alone
//! give `x̃ = 16·s·h`, with `σ ≥ ‖Rx − x̃‖`. The scale is chosen for a narrow `σ`: the few values beyond 2.8 times the root of
//! the mean square get the outermost code. The probe is turned and
//! coded likewise, in bytes: `q̂ = t·p`, `ρ_q ≥ ‖Rq − q̂‖`. The scan computes the exact integer `⟨p, h⟩` for each row,
//! brackets the row's score with it, and dismisses what that bracket excludes; of the rows left it reads the fine halves,
//! computes `D = ⟨p, c⟩ = 16·⟨p, h⟩ + ⟨p, l⟩`, and brackets again; the few rows that the narrow bracket cannot exclude are
//! scored in f32 storage with f64 accumulation. With many probes, eight or more as the instructions are, the halves of a
//! block are put together once for all of them, and the first step is left out. This is the filter-and-refine scheme of
//! the VA-file (Weber, Schek, Blott, VLDB 1998), with a residual's norm in place of a grid cell.
//!
//! # The bound, and why it holds
//!
//! `x` and `q` below are the stored f32 vectors, taken as exact real numbers; `n` is the dimension, at most
//! [`MAX_DIM`] = 4096; `u = 2⁻²⁴` and `v = 2⁻⁵³` are the unit roundoffs of f32 and f64.
//!
//! **Theorem.** For codes `c` and scale `s` of any kind, with `D = ⟨p, c⟩` and `ρ ≥ ‖Rx − s·c‖`,
//! `|⟨q, x⟩ − t·s·D| ≤ ‖q̂‖·ρ + ρ_q·‖x‖`.
//!
//! *Proof.* `R` is orthogonal, so `⟨q, x⟩ = ⟨Rq, Rx⟩` and `‖Rx‖ = ‖x‖`. Write `Rx = s·c + r` and `Rq = q̂ + e`. Then
//! `⟨Rq, Rx⟩ = ⟨q̂, Rx⟩ + ⟨e, Rx⟩ = ⟨q̂, s·c⟩ + ⟨q̂, r⟩ + ⟨e, Rx⟩`, and `⟨q̂, s·c⟩ = t·s·D`. Cauchy–Schwarz bounds the other
//! two terms by `‖q̂‖·‖r‖` and `‖e‖·‖x‖`. ∎
//!
//! It is used twice: with the whole codes and `ρ`, and with the coarse halves, whose scale is `16·s`, and `σ`. It does not
//! matter how well the codes were chosen: the residuals are measured against the codes and the rounded scale as they are
//! stored. What is left is the rounding of the arithmetic itself.
//!
//! - *Norms.* [`normalise`] divides by a norm computed in f64 (relative error below `n·v < 5·10⁻¹³`) and rounds each
//!   component to f32 (relative `u`, or `2⁻¹⁵⁰` absolute among the denormals), so `‖x‖, ‖q‖ ≤ 1 + 10⁻⁶`. `‖r‖`, `‖e‖`
//!   and `‖q̂‖` are computed in f64, where `s·c_i` (32 bits) is exact and the rest is off by less than
//!   `2n·v < 10⁻¹²` relative; they are multiplied by `1 + 10⁻⁹` and then rounded *up* to f32.
//! - *The turn.* It is computed in f64: at most 12 rounds of sums and differences, and one multiplication by the inverse
//!   of a root, which is three roundings more: 15 in all, each off by at most `v` of a vector whose norm is that of `x` up
//!   to a power of `√2` that the last step takes off again; so what is coded differs from `Rx` by less than
//!   `15·v·√2 < 3·10⁻¹⁵` in norm, and from `⟨q, x⟩` each bracket by less than `10⁻¹⁴`.
//! - *The score.* A product of two f32 is exact in f64. The sum of `n` of them is off by at most
//!   `γ_n·Σ|q_i·x_i| ≤ n·v/(1 − n·v)·‖q‖·‖x‖ < 5·10⁻¹³`
//!   (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1).
//! - *The bracket.* `t·s·D ± (‖q̂‖·ρ + ρ_q·(1 + 10⁻⁶) + 10⁻⁹)` is evaluated in f64: `t·s` and `‖q̂‖·ρ` (48 bits)
//!   are exact, and the few roundings that remain, of numbers below 5, lose less than `10⁻¹⁴`. The `10⁻⁹` covers them,
//!   the turn's and the score's error together, a thousand times over. So each row's computed score lies inside its
//!   brackets.
//! - *The filter.* Most rows are dismissed by the same test in f32: `fl(fl(fl(fl(D)·s)·t) + fl(ρ·‖q̂‖)) < cut`, with `16·t`
//!   (exact) in place of `t` for coarse halves. `D` is exact in f32: below `4096·127·15 < 2²³` for halves; for whole codes
//!   it may be rounded once. A value beyond the outermost code leaves at most itself, any other at most `16·s`, half a step
//!   of the coarse halves; and `256·s` is at most 2.8 times the root of the mean square, so that by the triangle inequality
//!   `‖r‖ ≤ (1 + 2.8/16)·‖Rx‖ < 1.18` and `‖x̃‖ < 2.18`. Codes of probes leave at most half a step,
//!   `√n·(1 + 10⁻⁵)/254 < 0.253`, so `‖q̂‖ < 1.26`. The first term stays below 2.75 after three roundings (four with that of
//!   `D`), the second below 1.49 after one, their sum below 4.24 after one more: in all, the left side is off by less than
//!   `(11 + 1.5 + 4.3)·u < 1.1·10⁻⁶`. `cut` is the threshold, less
//!   the constant terms, less `2·10⁻⁶`, rounded *down* to f32: the filter never dismisses a row that the f64 bracket would
//!   keep.
//!
//! **Selection.** Let `θ` be the `k`-th largest *lower* end of the brackets seen so far. At least `k` rows score `θ` or
//! more, so a row whose upper end, coarse or fine, is below `θ` scores strictly less than `k` others and cannot be in the
//! answer, not even on a tie. All threads share `θ`, which only grows: whichever of its values a row was compared with is no
//! greater than the final one, so what survives contains every row of the answer. Survivors are scored in descending order of their
//! upper ends, until the next upper end is below the `k`-th best exact score.
//!
//! For face templates of 512 values the coarse bracket's half-width is about 0.11 and the fine one's about 0.03; no
//! half-width used was larger than what the [`Certificate`] says, beside how many rows were scanned and how many scored
//! exactly.
//!
//! # Memory
//!
//! `5·dim + 44` bytes a row (halves of codes padded to a multiple of 128), the id, and the id's place in a hash table.
//!
//! Of these, `4·dim` bytes are the f32 rows, which only a re-rank reads, and of which a gallery made by
//! [`Gallery::in_file`] keeps a checksum in memory and the rest in a file. [`Gallery::seal`] adds to that file what is in
//! memory; [`Gallery::open`] takes it from there instead of row by row from wherever the templates are kept. A file is
//! believed as far as its digests go, and for the one [`Edition`] it is of.
//!
//! Beside the rows there is room for an eighth more, so that adding a few moves none of the others; a gallery that has used it up
//! grows by an eighth again. Room that is not used takes addresses and no memory.
//!
//! # Filters
//!
//! Rows may have values in named columns ([`Gallery::insert_with`]), and a search may be among those rows only that a
//! [`Filter`] admits ([`Gallery::search_filtered`]). The filter becomes one bit per row before the scan, and a row whose
//! bit is not set is treated as one whose bracket ends below every other: it raises no threshold and survives none. At
//! most as many hits are looked for as rows are admitted, so the answer is that of a gallery of only those. Searches with
//! different filters share a pass ([`Gallery::search_each`]).
//!
//! # Digest
//!
//! A gallery knows a digest of what it holds, which follows from the set of its rows alone and is kept up as rows come and
//! go ([`Gallery::digest`]). Each [`Certificate`] carries it, so that an answer says what was searched. What a row counts as is
//! the caller's to say; see [`model::multiset`].
//!
//! # Forgetting
//!
//! A removed template's bytes are overwritten before [`Gallery::remove`] returns, in memory and in the gallery's file;
//! [`Gallery::settle`] sees to it that the disk has taken it, and overwrites what the file's snapshot has of it. Memory that goes back to the allocator when a gallery grows
//! or is dropped is *not* wiped; [`Gallery::with_capacity`] avoids the former.
//!
//! # Unsafe code
//!
//! Only in `kernel.rs`, `vnni.rs`, `avx2.rs`, `neon.rs`, `plain.rs` and `pages.rs`, tests aside: aligned codes seen as bytes, a
//! vector load, a vector seen as an array, the calls into code compiled for CPU features found at run time, numbers seen as
//! bytes, and a wish for large pages. Tests hold every kernel to plain Rust.

mod answer;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod bitmap;
mod bound;
mod codes;
mod error;
mod filter;
mod gallery;
mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pages;
mod plain;
mod rank;
mod rotation;
mod rows;
mod sieve;
mod snapshot;
mod template;
#[cfg(target_arch = "x86_64")]
mod vnni;
mod yardstick;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod widths;

pub use answer::{Answer, Certificate, Hit};
pub use error::{RowError, ShapeError, SnapshotError, TemplateError};
pub use filter::{Attribute, ColumnKind, Filter, FilterError};
pub use gallery::{Gallery, MAX_DIM, NewRow, Prepared, Query};
pub use rows::Settling;
pub use snapshot::{Cipher, Draft, Edition, GoOn, Plaintext, Synced};
pub use template::{MIN_NORM, normalise};
pub use yardstick::Yardstick;

//! What the numbers in the documentation rest on. `cargo test --release -p magistrate-store -- --ignored --nocapture`

use super::{open, record};
use crate::{AccountRow, NewRecord};
use std::time::Instant;

/// Numbers per template, as the common models have.
const DIM: usize = 512;

const BATCHES: u32 = 100;

fn large(n: u32) -> NewRecord {
    let mut template = vec![0.0; DIM];
    template[n as usize % DIM] = 1.0;
    NewRecord { template, ..record(&format!("r{n}"), n) }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn rows_per_second() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("surrealkv://{}", folder.path().display()), 1).await.unwrap();
    let north = store.jurisdiction("north").await.unwrap();

    let start = Instant::now();
    for batch in 0..BATCHES {
        let ids = batch * 1000..(batch + 1) * 1000;
        north.insert_records("g", ids.map(large).collect()).await.unwrap();
    }
    let rows = f64::from(BATCHES) * 1000.0;
    println!("enrolled {:.0} records/s", rows / start.elapsed().as_secs_f64());

    let start = Instant::now();
    let mut loaded = 0;
    north.load_templates("g", &mut |page| loaded += page.len()).await.unwrap();
    assert_eq!(loaded as f64, rows);
    println!("loaded {:.0} templates/s", rows / start.elapsed().as_secs_f64());

    let start = Instant::now();
    for n in 0..1000 {
        let row = AccountRow { id: format!("e{n}"), salt: [1; 32], plain: vec![b'x'; 2000] };
        north.put_accounts(&[row]).await.unwrap();
    }
    println!("one account: {:.3} ms", start.elapsed().as_secs_f64());
    drop(north);
    store.close().await;
}

//! Steps that wait for the face model: what the registry says by then of whoever takes them, and of whoever asked, counts.

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, MODEL, SECOND, court_with, intake, rejected, submission, template,
};
use crate::people::{LASO, access};
use face::{Extraction, Extractor, Face, FaceError};
use magistrate_casework::intake::{Intake, Submission};
use magistrate_casework::life::State;
use magistrate_casework::search_step::Plan;
use magistrate_casework::worklist::Wanted;
use model::facts::AccessChange;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the model is asked for.
const FACES: &str = "faces";
const TEMPLATE: &str = "template";

/// A model that sees one face on whatever it is shown: it says what it is asked for, and goes on when it is let.
struct Eyes {
    asked: UnboundedSender<&'static str>,
    may: Mutex<mpsc::Receiver<()>>,
}

impl Eyes {
    fn wait(&self, what: &'static str) {
        self.asked.send(what).unwrap();
        self.may.lock().unwrap().recv().unwrap();
    }
}

impl Extractor for Eyes {
    fn model_id(&self) -> &str {
        MODEL
    }

    fn dim(&self) -> usize {
        512
    }

    fn detect(&self, _: &[u8]) -> Result<(u32, u32, Vec<Face>), FaceError> {
        self.wait(FACES);
        Ok((640, 480, vec![face()]))
    }

    fn extract(&self, _: &[u8], _: Option<usize>) -> Result<Extraction, FaceError> {
        self.wait(TEMPLATE);
        let (faces, template) = (vec![face()], template(7));
        Ok(Extraction { width: 640, height: 480, faces, selected: 0, inter_eye: 120.0, template })
    }
}

fn face() -> Face {
    let landmarks = [[260.0, 200.0], [380.0, 200.0], [320.0, 260.0], [275.0, 320.0], [365.0, 320.0]];
    Face { bounding_box: [220.0, 120.0, 200.0, 260.0], landmarks, score: 0.9 }
}

/// A court with such a model, what it is asked for, and how to let it go on.
async fn court_that_waits() -> Option<(Court, UnboundedReceiver<&'static str>, mpsc::Sender<()>)> {
    let ((asked, asks), (let_on, may)) = (unbounded_channel(), mpsc::channel());
    let eyes = Eyes { asked, may: Mutex::new(may) };
    let seeing = |_: &Arc<AtomicU64>| -> Option<Arc<dyn Extractor>> { Some(Arc::new(eyes)) };
    Some((court_with(seeing).await?, asks, let_on))
}

fn with_photograph(seed: usize) -> Intake {
    let image = Some(b"a photograph".to_vec());
    let probe = Submission { image, template: None, model: None, ..submission(seed) };
    Intake { probe, ..intake(seed) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_was_suspended_while_the_model_looked_gets_anything_of_it() {
    let Some((court, mut asks, let_on)) = court_that_waits().await else { return };
    // Whoever searches is suspended once their search is permitted.
    let waiting = court.who(SECOND).await;
    let searching = court.casework.search_now(&waiting, JURISDICTION, with_photograph(7), Plan::default());
    let suspending = async {
        assert_eq!(asks.recv().await, Some(FACES));
        let_on.send(()).unwrap();
        assert_eq!(asks.recv().await, Some(TEMPLATE));
        access(&court, LASO, SECOND, AccessChange::Suspend).await.unwrap();
        let_on.send(()).unwrap();
    };
    let (searched, ()) = tokio::join!(searching, suspending);
    rejected(searched, "suspended");
    let listed = court.casework.worklist(&court.who(FIRST).await, JURISDICTION, &Wanted::default()).await.unwrap();
    let request = &listed.requests[0].id;
    let seen = court.seen(request).await;
    assert_eq!((seen.state, seen.opened_by.len()), (State::Searched, 0), "the list was shown to nobody");
    assert_eq!((court.on_record(request, "decision").await, court.on_record(request, "searched").await), (2, 1));

    // Whoever asked is, while the faces of the probe are counted.
    let examiner = court.who(FIRST).await;
    let opening = court.casework.open_request(&examiner, JURISDICTION, with_photograph(8));
    let suspending = async {
        assert_eq!(asks.recv().await, Some(FACES));
        access(&court, LASO, ASKER, AccessChange::Suspend).await.unwrap();
        let_on.send(()).unwrap();
    };
    let (opened, ()) = tokio::join!(opening, suspending);
    rejected(opened, "of the requester has changed");
    assert_eq!(court.ever_on_record("opened").await, 1);
    assert_eq!(court.ever_on_record("rejected").await, 2, "each is on record");
}

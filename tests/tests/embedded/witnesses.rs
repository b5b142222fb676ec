//! The ledger's witnesses: asked by HTTP, all together for at most 5 s. What one of them does wrong costs its own
//! cosignature, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ilock_functions::service::witness_client::HttpWitnesses;
use ilock_log::ledger::{LedgerSigner, MAX_ANSWER_BYTES, Sequencer, WitnessClient, Witnesses};
use ilock_proof::{Checkpoint, Policy, VerifyKey};
use ilock_tests::engine::Engine;
use ilock_tests::ledger::{TestLedger, entries};
use ilock_tests::witness::{Manner, TestWitness, policy};

/// What the sequencer waits for witnesses at most; and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(5);
const SLACK: Duration = Duration::from_secs(4);

struct Fixture {
    engine: Engine,
    test: TestLedger,
}

impl Fixture {
    async fn new() -> Self {
        let engine = Engine::embedded().await;
        let test = TestLedger::new(&engine).await;
        Self { engine, test }
    }

    async fn witness(&self, name: &str, manner: Manner) -> TestWitness {
        TestWitness::start(name, &[self.test.key.verify_key()], manner).await
    }

    fn sequencer(&self, policy: Policy) -> Sequencer {
        let client = Arc::new(HttpWitnesses::new().unwrap());
        Sequencer { witnesses: Some(Witnesses { policy, client }), ..self.test.sequencer() }
    }

    async fn checkpoint(&self) -> Checkpoint {
        let checkpoint = self.test.reader().checkpoint().await.unwrap().unwrap();
        assert_eq!(checkpoint.verify(std::slice::from_ref(self.test.key.verify_key())), Ok(()));
        checkpoint
    }

    /// Whether each of the witnesses cosigned the last checkpoint.
    async fn cosigned<const N: usize>(&self, by: [&TestWitness; N]) -> [bool; N] {
        let checkpoint = self.checkpoint().await;
        by.map(|witness| checkpoint.cosigned_by(witness.key()).unwrap().is_some())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_asked_from_what_it_saw_last_and_a_new_one_is_asked_a_second_time() {
    let on = Fixture::new().await;
    let (first, second) = (on.witness("w1.test", Manner::Good).await, on.witness("w2.test", Manner::Good).await);
    let mut sizes = vec![0];
    for (round, numbers) in [0..5, 5..300, 300..1_000].into_iter().enumerate() {
        on.test.ledger.enter(&entries(numbers)).await.unwrap();
        // The second one joins when the ledger has grown.
        let all = [&first, &second];
        let sequencer = on.sequencer(policy(&all[..=round.min(1)], 1));
        let done = sequencer.run(|| true).await.unwrap();
        assert!(!done.quorum_missed);
        sizes.push(done.size);
    }
    assert_eq!(on.cosigned([&first, &second]).await, [true, true]);
    assert_eq!(first.asked(), [(0, 200), (sizes[1], 200), (sizes[2], 200)]);
    assert_eq!(second.asked(), [(sizes[1], 409), (0, 200), (sizes[2], 200)], "409 is followed, once");
    on.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_that_do_not_answer_cost_five_seconds_together_and_the_others_are_enough() {
    let on = Fixture::new().await;
    let silent = [on.witness("w1.test", Manner::Hangs).await, on.witness("w2.test", Manner::Hangs).await];
    let good = [on.witness("w3.test", Manner::Good).await, on.witness("w4.test", Manner::Good).await];
    on.test.ledger.enter(&entries(0..5)).await.unwrap();
    let begun = Instant::now();
    let all = [&silent[0], &good[0], &silent[1], &good[1]];
    let done = on.sequencer(policy(&all, 2)).run(|| true).await.unwrap();
    let took = begun.elapsed();
    assert!(took >= PATIENCE && took < PATIENCE + SLACK, "{took:?}");
    assert!(!done.quorum_missed);
    assert_eq!(on.cosigned(all).await, [false, true, false, true]);
    on.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_conflicts_again_is_left_to_the_next_round() {
    let on = Fixture::new().await;
    let witness = on.witness("w1.test", Manner::Answers(409, "0\n".into())).await;
    on.test.ledger.enter(&entries(0..5)).await.unwrap();
    on.sequencer(policy(&[&witness], 1)).run(|| false).await.unwrap();
    // Once for the round, followed once; and once more for the quorum that is missed, followed once.
    assert_eq!(witness.asked().iter().map(|(_, status)| *status).collect::<Vec<_>>(), [409; 4]);
    // One that says it saw more than there is, or says nothing that is a number, is not followed.
    for text in ["7000\n", "soon", ""] {
        let before = witness.asked().len();
        witness.behaves(Manner::Answers(409, text.into()));
        let done = on.sequencer(policy(&[&witness], 1)).run(|| true).await.unwrap();
        assert!(done.quorum_missed && witness.asked().len() == before + 1, "{text:?}");
    }
    on.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_cosignature_is_not_published_and_the_next_round_asks_again() {
    let on = Fixture::new().await;
    let other = on.witness("other.test", Manner::Good).await;
    let witness = on.witness("w1.test", Manner::Good).await;
    let stranger = ilock_tests::ledger::key(9);
    let long = "x".repeat(MAX_ANSWER_BYTES + 1);
    let bad = [
        Manner::CosignsAnother,
        Manner::Answers(200, String::new()),
        Manner::Answers(200, "well done".into()),
        Manner::Answers(200, format!("{}\n", stranger.sign("some text\n"))),
        Manner::Answers(200, long),
        Manner::Answers(403, String::new()),
        Manner::Answers(404, String::new()),
        Manner::Answers(422, String::new()),
        Manner::Answers(500, "on fire".into()),
        Manner::Redirects(format!("{}add-checkpoint", other.url)),
    ];
    on.test.ledger.enter(&entries(0..5)).await.unwrap();
    let sequencer = on.sequencer(policy(&[&witness], 1));
    for manner in bad {
        witness.behaves(manner.clone());
        let done = sequencer.run(|| true).await.unwrap();
        assert!(done.quorum_missed, "{manner:?}");
        assert_eq!(on.checkpoint().await.note.signatures().len(), 1, "{manner:?}: the log's own");
    }
    assert_eq!(other.asked(), [], "a redirect is not followed");
    witness.behaves(Manner::Good);
    // Nothing waits; the witness is asked all the same, for the checkpoint that stands there.
    let done = sequencer.run(|| true).await.unwrap();
    assert_eq!((done.rounds, done.quorum_missed), (0, false));
    assert_eq!(on.cosigned([&witness]).await, [true]);
    on.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_says_nothing_in_the_name_of_others_and_its_other_keys_are_kept() {
    let on = Fixture::new().await;
    let good = on.witness("w1.test", Manner::Good).await;
    let more = on.witness("w2-more.test", Manner::Good).await;
    // Lines in the name of the log and of the other witness, which fit nothing; of a second key of its own; and very many.
    let forged = [on.test.key.verify_key(), good.key()].map(|key| key.signature(vec![7; 72]).to_string());
    let second = more.key().signature(vec![7; 72]).to_string();
    let many = (0..300_u32).map(|n| format!("\u{2014} spam{n}.test AAAA{}", "A".repeat(96)));
    let lines = forged.into_iter().chain([second.clone()]).chain(many).collect();
    let bad = on.witness("w2.test", Manner::GoodAnd(lines)).await;
    on.test.ledger.enter(&entries(0..5)).await.unwrap();
    // Whichever comes last.
    for all in [[&good, &bad], [&bad, &good]] {
        on.test.ledger.enter(&entries(5..9)).await.unwrap();
        let done = on.sequencer(policy(&all, 2)).run(|| true).await.unwrap();
        assert!(!done.quorum_missed);
        assert_eq!(on.cosigned([&good, &bad]).await, [true, true]);
        let checkpoint = on.checkpoint().await.note;
        assert!(checkpoint.to_string().contains(&second) && checkpoint.signatures().len() < 8, "{checkpoint}");
    }
    on.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_not_there_is_an_error_and_not_the_end_of_the_round() {
    let on = Fixture::new().await;
    let gone = on.witness("w1.test", Manner::Good).await;
    let policy = policy(&[&gone], 1);
    let url = gone.url.clone();
    drop(gone);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(HttpWitnesses::new().unwrap().post(url, String::new()).await.is_err());
    on.test.ledger.enter(&entries(0..5)).await.unwrap();
    let done = on.sequencer(policy).run(|| true).await.unwrap();
    assert!(done.quorum_missed && done.size >= 5);
    on.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_takes_over_is_cosigned_by_witnesses_that_know_it_and_believed_by_policies_that_name_it() {
    let on = Fixture::new().await;
    let (old, new) = (on.test.key.clone(), ilock_tests::ledger::key(8));
    let (old_key, new_key) = (old.verify_key(), new.verify_key());
    let knows_both = TestWitness::start("w1.test", &[old_key, new_key], Manner::Good).await;
    let knows_old = on.witness("w2.test", Manner::Good).await;
    let mut kept = vec![];
    for (signers, cosigned) in [
        (vec![old.clone()], [true, true]),
        (vec![old.clone(), new.clone()], [true, true]),
        (vec![new.clone()], [true, false]),
    ] {
        let mut sequencer = on.sequencer(policy(&[&knows_both, &knows_old], 1));
        sequencer.signers = signers.into_iter().map(|key| key as Arc<dyn LedgerSigner>).collect();
        let done = sequencer.run(|| true).await.unwrap();
        assert!(done.rounds > 0 && !done.quorum_missed, "a key that begins or ends is an entry");
        let checkpoint = on.test.reader().checkpoint().await.unwrap().unwrap();
        let by = [&knows_both, &knows_old].map(|witness| checkpoint.cosigned_by(witness.key()).unwrap().is_some());
        assert_eq!(by, cosigned);
        kept.push(checkpoint);
    }
    let believes = |key: &VerifyKey| {
        let policy = Policy::read(&format!("log {key}\nwitness W {}\nquorum W\n", knows_both.key())).unwrap();
        kept.iter().map(|checkpoint| policy.verify(checkpoint).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!((believes(old_key), believes(new_key)), (vec![true, true, false], vec![false, true, true]));
    // One history under both keys.
    for pair in kept.windows(2) {
        on.test.reader().verify_growth(&pair[0].head, &pair[1].head).await.unwrap().unwrap();
    }
    on.engine.end().await;
}

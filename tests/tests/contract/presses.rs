//! A caller's presses: a request counts once however many copies of it run, and no more get through than may.

use futures::future::join_all;
use ilock_directory::{Directory, Press, PressLimits, Pressed, TakenSlot};
use ilock_events::{Millis, PartyAddress};
use ilock_tests::engine::Engine;
use ilock_tests::parties::user_at;

use super::engine;

const NOW: Millis = Millis(1_679_886_400_000);

/// Somebody who presses, in a directory of their own.
struct Presser {
    directory: Directory,
    at: PartyAddress,
    limits: PressLimits,
}

impl Presser {
    async fn new(engine: &Engine, caller: usize, pair: usize) -> Self {
        let directory = Directory::new(engine.client.clone(), engine.table(ilock_directory::TABLE).await);
        Self { directory, at: user_at("door"), limits: PressLimits { caller, pair, strangers: 3 } }
    }

    async fn presses(&self, request: &str, callee: &str) -> Pressed {
        let callees = [user_at(callee)];
        let press = Press { caller: &self.at, callees: &callees, request, at: NOW };
        self.directory.press(&press, self.limits).await.unwrap()
    }

    async fn takes_back(&self, taken: &TakenSlot) {
        self.directory.take_back_press(&self.at, taken).await.unwrap();
    }
}

fn slots(pressed: Vec<Pressed>) -> Vec<TakenSlot> {
    let slot = |pressed| match pressed {
        Pressed::Yes(slot) => slot,
        refused => panic!("{refused:?}"),
    };
    pressed.into_iter().map(slot).collect()
}

#[tokio::test]
async fn copies_of_one_request_at_once_are_one_press_until_the_last_of_them_gives_its_slot_back() {
    let engine = engine().await;
    for (caller, pair) in [(1, 1), (3, 1), (20, 2)] {
        let door = Presser::new(&engine, caller, pair).await;
        let copies = slots(join_all((0..8).map(|_| door.presses("one", "anna"))).await);
        // What is left of the limits, and no more.
        for n in 1..pair {
            slots(vec![door.presses(&format!("again-{n}"), "anna").await]);
        }
        if caller > pair {
            assert!(matches!(door.presses("refused", "anna").await, Pressed::PairTooOften { .. }));
        }
        for n in pair..caller {
            slots(vec![door.presses(&format!("other-{n}"), &format!("person-{n}")).await]);
        }
        assert!(matches!(door.presses("refused", "bert").await, Pressed::CallerTooOften { .. }));
        let (last, others) = copies.split_last().unwrap();
        for copy in others {
            door.takes_back(copy).await;
        }
        assert!(matches!(door.presses("refused", "bert").await, Pressed::CallerTooOften { .. }), "one copy stays");
        door.takes_back(last).await;
        slots(vec![door.presses("in its place", "anna").await]);
    }
    engine.end().await;
}

#[tokio::test]
async fn of_many_requests_at_once_as_many_get_through_as_may() {
    let engine = engine().await;
    for (caller, pair, through) in [(5, 100, 5), (100, 3, 3), (1, 1, 1)] {
        let door = Presser::new(&engine, caller, pair).await;
        let requests: Vec<String> = (0..24).map(|n| format!("request-{n}")).collect();
        let pressed = join_all(requests.iter().map(|request| door.presses(request, "anna"))).await;
        let got_through = pressed.iter().filter(|pressed| matches!(pressed, Pressed::Yes(_))).count();
        assert_eq!(got_through, through, "{caller} in all and {pair} for one: {pressed:?}");
    }
    engine.end().await;
}

//! Tree, tiles and proofs against a second reading of RFC 6962: recursive, and written from its text alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use ilock_proof::{
    Edge, Node, Tile, TileKind, TileSet, Tree, TreeHead, bundle_entries, leaf_hash, node_hash, verify_consistency,
    verify_inclusion,
};
use proptest::prelude::*;

/// MTH of RFC 6962, section 2.1.
fn mth(leaves: &[Node]) -> Node {
    match leaves {
        [] => ilock_proof::empty_root(),
        [one] => *one,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

/// PATH of section 2.1.1.
fn path(m: usize, leaves: &[Node]) -> Vec<Node> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut proof, sibling) =
        if m < k { (path(m, &leaves[..k]), &leaves[k..]) } else { (path(m - k, &leaves[k..]), &leaves[..k]) };
    proof.push(mth(sibling));
    proof
}

/// SUBPROOF of section 2.1.2.
fn subproof(m: usize, leaves: &[Node], whole: bool) -> Vec<Node> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![mth(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut proof, sibling) = if m <= k {
        (subproof(m, &leaves[..k], whole), &leaves[k..])
    } else {
        (subproof(m - k, &leaves[k..], false), &leaves[..k])
    };
    proof.push(mth(sibling));
    proof
}

fn entry(index: u64) -> Vec<u8> {
    index.to_be_bytes().repeat(2)
}

fn leaves(size: u64) -> Vec<Node> {
    (0..size).map(|index| leaf_hash(&entry(index))).collect()
}

/// All tiles that were ever written of a log that grew to these sizes, one after the other.
fn written(sizes: &[u64]) -> (Edge, BTreeMap<String, Vec<u8>>) {
    let (mut edge, mut store) = (Edge::default(), BTreeMap::<String, Vec<u8>>::new());
    for size in sizes {
        // As a sequencer does: taken up again from what is stored.
        let tiles = Tile::edge(edge.size()).into_iter().map(|tile| (tile, store[&tile.to_string()].clone()));
        edge = Edge::of(edge.size(), tiles.collect()).unwrap();
        assert!(edge.bundle_fits());
        let mut made = vec![];
        for index in edge.size()..*size {
            edge.push(&entry(index), &mut made);
        }
        for (tile, bytes) in made.into_iter().chain(edge.partials()) {
            let before = store.insert(tile.to_string(), bytes.clone());
            assert!(before.is_none_or(|before| before == bytes), "{tile} was written with other bytes");
        }
    }
    (edge, store)
}

fn tiles(store: &BTreeMap<String, Vec<u8>>, set: &mut TileSet, needed: impl IntoIterator<Item = Tile>) {
    for tile in needed {
        assert!(set.add(tile, store[&tile.to_string()].clone()), "{tile}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn proofs_from_tiles_are_those_of_the_rfc(steps in prop::collection::vec(1_u64..400, 1..6), a in any::<u64>(), b in any::<u64>()) {
        let sizes: Vec<u64> = steps.iter().scan(0, |size, step| { *size += step; Some(*size) }).collect();
        let (edge, store) = written(&sizes);
        let size = edge.size();
        let leaves = leaves(size);
        let head = TreeHead { size, root: mth(&leaves) };
        prop_assert_eq!(edge.tree().unwrap().root(), head.root);

        let (index, old) = (a % size, b % (size + 1));
        let mut set = TileSet::of(size);
        let needed = set.needed_for_inclusion(index);
        tiles(&store, &mut set, needed);
        let needed = set.needed_for_consistency(old);
        tiles(&store, &mut set, needed);
        let needed = set.needed_for_root();
        tiles(&store, &mut set, needed);
        prop_assert_eq!(set.root(), Some(head.root));
        let proof = set.inclusion(index).unwrap();
        let at = usize::try_from(index).unwrap();
        prop_assert_eq!(&proof, &path(at, &leaves));
        prop_assert_eq!(verify_inclusion(&leaves[at], index, &proof, &head), Ok(()));
        let of_old = &leaves[..usize::try_from(old).unwrap()];
        let growth = set.consistency(old).unwrap();
        if old > 0 {
            prop_assert_eq!(&growth, &subproof(of_old.len(), &leaves, true));
        }
        let before = TreeHead { size: old, root: mth(of_old) };
        prop_assert_eq!(verify_consistency(&before, &head, &growth), Ok(()));
    }

    #[test]
    fn a_proof_of_anything_else_is_refused(size in 2_u64..600, a in any::<u64>(), b in any::<u64>(), flip in any::<(usize, u8)>()) {
        let leaves = leaves(size);
        let head = TreeHead { size, root: mth(&leaves) };
        let (index, old) = (a % size, 1 + b % size);
        let at = usize::try_from(index).unwrap();
        let proof = path(at, &leaves);
        for other in [index ^ 1, index + 1, size] {
            prop_assert!(verify_inclusion(&leaves[at], other, &proof, &head).is_err() || other == index);
        }
        prop_assert!(verify_inclusion(&[0; 32], index, &proof, &head).is_err());
        prop_assert!(verify_inclusion(&leaves[at], index, &[&proof[..], &[[0; 32]]].concat(), &head).is_err());
        prop_assert!(verify_inclusion(&leaves[at], index, &proof[1..], &head).is_err());
        let mut changed = proof.clone();
        let place = flip.0 % changed.len();
        changed[place][flip.0 % 32] ^= flip.1 | 1;
        prop_assert!(verify_inclusion(&leaves[at], index, &changed, &head).is_err());

        let before = TreeHead { size: old, root: mth(&leaves[..usize::try_from(old).unwrap()]) };
        let growth = subproof(usize::try_from(old).unwrap(), &leaves, true);
        let forged = TreeHead { root: [1; 32], ..before };
        prop_assert!(verify_consistency(&forged, &head, &growth).is_err());
        let other = TreeHead { root: [1; 32], ..head };
        prop_assert!(verify_consistency(&before, &other, &growth).is_err());
        prop_assert!(verify_consistency(&before, &head, &[&growth[..], &[[0; 32]]].concat()).is_err());
        if old < size {
            prop_assert!(verify_consistency(&head, &before, &growth).is_err());
            prop_assert!(verify_consistency(&before, &head, &growth[1..]).is_err());
        }
    }
}

#[test]
fn a_tree_of_70_000_has_the_tiles_that_tlog_tiles_counts() {
    let (edge, store) = written(&[70_000]);
    let full = |prefix: &str| store.keys().filter(|name| name.starts_with(prefix) && !name.contains(".p/")).count();
    assert_eq!((full("tile/0/"), full("tile/1/"), full("tile/2/"), full("tile/entries/")), (273, 1, 0, 273));
    let edges: Vec<String> = Tile::edge(edge.size()).iter().map(ToString::to_string).collect();
    assert_eq!(edges, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(bundle_entries(&store["tile/entries/273.p/112"]).unwrap()[111], entry(69_999));
    let mut tree = Tree::default();
    (0..70_000).for_each(|index| tree.push(&entry(index)));
    assert_eq!(edge.tree(), Some(tree));
    let name = Tile { kind: TileKind::Hashes(0), index: 1_234_067, width: 3 };
    assert_eq!(
        (name.to_string().as_str(), name.partials().as_str()),
        ("tile/0/x001/x234/067.p/3", "tile/0/x001/x234/067.p/")
    );
}

#[test]
fn what_is_no_bundle_or_no_edge_is_refused() {
    assert_eq!(bundle_entries(&[0, 3, 1, 2]), None);
    assert_eq!(bundle_entries(&[0]), None);
    assert_eq!(bundle_entries(&[0, 1, 7, 0, 0]), Some(vec![&[7][..], &[]]));
    let (edge, _) = written(&[300]);
    let mut tiles = edge.partials();
    assert_eq!(Edge::of(300, tiles.clone()), Some(edge));
    assert_eq!(Edge::of(299, tiles.clone()), None);
    tiles[1].1.truncate(40);
    assert_eq!(Edge::of(300, tiles), None);
}

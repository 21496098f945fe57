//! A Merkle tree to which leaves are added, as RFC 6962 (2.1) defines it.
//!
//! Only the roots of its full subtrees are kept, one for each bit of its size: adding a leaf and
//! computing the root need no other leaf.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// SHA-256.
type Hash = [u8; 32];

/// A tree of some leaves, without the leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    size: u64,
    /// The roots of the full subtrees, the largest first, as hex.
    subtrees: Vec<String>,
}

impl Tree {
    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, leaf: &[u8]) {
        let mut hash = hashed(0, &[leaf]);
        // A bit that is set is a subtree of that size, which the new leaf completes.
        let mut size = self.size;
        while size & 1 == 1 {
            let left = self.subtrees.pop().unwrap_or_default();
            hash = hashed(1, &[&bytes(&left), &hash]);
            size >>= 1;
        }
        self.subtrees.push(hex::encode(hash));
        self.size += 1;
    }

    /// The root; of an empty tree, the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut smaller_first = self.subtrees.iter().rev();
        let Some(smallest) = smaller_first.next() else {
            return Sha256::digest([]).into();
        };
        let first = bytes(smallest).try_into().unwrap_or_default();
        smaller_first.fold(first, |right: Hash, left| {
            hashed(1, &[&bytes(left), &right])
        })
    }
}

/// A hash of the tree: leaves and nodes begin differently, so that none can be taken for the other.
fn hashed(kind: u8, parts: &[&[u8]]) -> Hash {
    let start = Sha256::new().chain_update([kind]);
    let all = parts
        .iter()
        .fold(start, |hash, part| hash.chain_update(part));
    all.finalize().into()
}

fn bytes(hash: &str) -> Vec<u8> {
    hex::decode(hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Tree;

    /// The inputs and roots of the tests of Certificate Transparency's own implementation
    /// (github.com/google/certificate-transparency, `merkletree/merkle_tree_test.cc`).
    #[test]
    fn the_roots_are_those_of_certificate_transparency() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(
            hex::encode(tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (input, root) in inputs.into_iter().zip(roots) {
            tree.push(&hex::decode(input).expect("hex"));
            assert_eq!(hex::encode(tree.root()), root, "{}", tree.size());
        }
    }
}

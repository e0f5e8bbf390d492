//! A service: a state per worker, and its methods.

use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Species {
    name: String,
}

pub struct Dex {
    species: Vec<Species>,
}

#[worker_query(init = Dex::load)] // or Default; init may be async and may fail
impl Dex {
    async fn load() -> Result<Self, std::io::Error> {
        Ok(Self { species: vec![Self::species("pikachu")] })
    }

    fn species(name: &str) -> Species {
        Species { name: name.into() }
    }

    pub fn lookup(&self, name: &str) -> Option<Species> {
        self.species.iter().find(|species| species.name == name).cloned()
    }

    pub async fn learn(&mut self, species: Species) -> usize {
        self.species.push(species);
        self.species.len()
    }

    /// It wins over what every pool has of this name.
    pub fn health(&self) -> usize {
        self.species.len()
    }
}

#[pm_runtime::test]
async fn a_service_answers_from_its_state() -> Result<(), pm_runtime::Error> {
    assert_eq!(DexPool::new().lookup("pikachu").await?, Some(Dex::species("pikachu")));
    let pool = DexPool::new();
    assert_eq!(pool.lookup("eevee").await?, None);
    assert_eq!(pool.learn(Dex::species("eevee")).await?, 2);
    assert_eq!(pool.lookup("eevee").await?, Some(Dex::species("eevee")));
    // As it has a method with `&mut self`.
    assert_eq!(pool.workers().len(), 1);
    assert_eq!(pool.health().await?, 2);
    assert_eq!((*pool).health().workers.len(), 1);
    Ok(())
}

#[derive(Default)]
struct Counter {
    count: u32,
}

#[worker_query]
impl Counter {
    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }
}

#[pm_runtime::test]
async fn a_state_without_init_is_its_default() {
    let pool = CounterPool::new();
    assert_eq!((pool.next().await, pool.next().await), (Ok(1), Ok(2)));
}

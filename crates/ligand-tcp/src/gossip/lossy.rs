//! Gossip among several nodes while messages are lost and networks are split, from seeds.

use super::{cluster::Known, *};

fn me(id: &str) -> Me<'_> {
    Me { id, port: 4000, address: None }
}

/// Nodes that only know what they were told.
struct Lab {
    rng: fastrand::Rng,
    ids: Vec<String>,
    nodes: Vec<Known>,
    /// Which side of the split each is on.
    side: Vec<bool>,
    loss: f64,
}

impl Lab {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(3..10);
        let ids: Vec<_> = (0..count).map(|index| format!("n{index}")).collect();
        let nodes: Vec<_> = ids.iter().map(|id| Known::new(id)).collect();
        // Each was sighted by a beacon or stands in the options of the first.
        for (index, node) in nodes.iter().enumerate() {
            let other = if index == 0 { 1 } else { rng.usize(..index) };
            node.imagine(&ids[other], 0, false);
        }
        Self { rng, side: vec![true; count], ids, nodes, loss: 0.0 }
    }

    fn arrives(&mut self, from: usize, to: usize) -> bool {
        self.side[from] == self.side[to] && self.rng.f64() >= self.loss
    }

    /// One node compares what it knows with those whose turn it is.
    fn round(&mut self, from: usize) {
        for id in receivers(&self.nodes[from].peers(), &mut self.rng) {
            let Some(to) = self.ids.iter().position(|other| *other == *id) else { continue };
            if self.side[from] != self.side[to] {
                // The connection cannot be made.
                self.nodes[from].lost(&id, true);
                continue;
            }
            self.exchange(from, to);
        }
    }

    /// One node asks another, and then those about whom it heard something else than it knows.
    fn exchange(&mut self, from: usize, to: usize) {
        let mut next = vec![(from, to)];
        // Questions that come out of questions are few.
        for _ in 0..200 {
            let Some((from, to)) = next.pop() else { return };
            if self.side[from] != self.side[to] {
                let id = self.ids[to].clone();
                self.nodes[from].lost(&id, true);
                continue;
            }
            let asks = self.ask(from, to);
            next.extend(asks);
        }
    }

    /// Who is asked by whom after that.
    fn ask(&mut self, from: usize, to: usize) -> Vec<(usize, usize)> {
        let asks = request(&self.nodes[from], me(&self.ids[from]));
        if !self.arrives(from, to) {
            return Vec::new();
        }
        let Answer { reply, behind, ask } =
            answer(&self.nodes[to], me(&self.ids[to]), &self.ids[from], &asks);
        let index = |ids: &[String], id: &str| ids.iter().position(|other| other == id);
        let mut next: Vec<_> = ask.iter().filter_map(|id| Some((to, index(&self.ids, id)?))).collect();
        if behind {
            next.push((to, from));
        }
        if let Some(reply) = reply
            && self.arrives(to, from)
        {
            let learned = apply(&self.nodes[from], me(&self.ids[from]), &self.ids[to], reply, |_| {});
            next.extend(learned.ask.iter().filter_map(|id| Some((from, index(&self.ids, id)?))));
        }
        next
    }

    fn happening(&mut self, step: u64) {
        let node = self.rng.usize(..self.nodes.len());
        match self.rng.u8(..6) {
            0 => self.nodes[node].offer(&format!("s{}", self.rng.u8(..))),
            1 => self.nodes[node].load_is(self.rng.f64() * 100.0),
            2 => self.side[node] = !self.side[node],
            3 => self.loss = self.rng.f64() * 0.5,
            4 => {
                // Thought lost, wrongly.
                let other = self.ids[self.rng.usize(..self.ids.len())].clone();
                self.nodes[node].lost(&other, true);
            }
            _ => {
                let id = &self.ids[node];
                // Started anew: it knows nobody but one. Its number begins with the time, as a broker's does: with
                // the number of its earlier life nobody would see that it is another one.
                let fresh = Known::new(&format!("{id}-{}", self.rng.u32(..)));
                let other = (node + 1) % self.ids.len();
                fresh.outlive(step * 1000);
                fresh.imagine(&self.ids[other], 0, false);
                self.nodes[node] = fresh;
            }
        }
    }

    /// Nodes whose picture is not the truth.
    fn wrong(&self) -> Vec<String> {
        let truth = |of: usize| {
            let others = self.ids.iter().zip(&self.nodes).enumerate().filter(|(index, _)| *index != of);
            let line = |(id, node): (&String, &Known)| {
                let info = node.local().info;
                let names: Vec<_> = info.services.iter().map(|service| service.name.clone()).collect();
                format!("{id}:{}", names.join("+"))
            };
            others.map(|(_, pair)| line(pair)).collect::<Vec<_>>()
        };
        let differs = |index: &usize| self.nodes[*index].view() != truth(*index);
        (0..self.nodes.len())
            .filter(differs)
            .map(|index| {
                format!("{} sees {:?} not {:?}", self.ids[index], self.nodes[index].view(), truth(index))
            })
            .collect()
    }
}

#[test]
fn nodes_agree_after_bad_weather() {
    for seed in 0..500 {
        let mut lab = Lab::new(seed);
        for step in 0..200 {
            if lab.rng.u8(..10) == 0 {
                lab.happening(step as u64);
            }
            lab.round(step % lab.nodes.len());
        }
        lab.side.fill(true);
        lab.loss = 0.0;
        // Beacons arrive: halves that never met could not know of each other.
        for id in &lab.ids[1..] {
            if lab.nodes[0].peer(id).is_none() {
                lab.nodes[0].imagine(id, 0, false);
            }
        }
        let mut rounds = 0;
        while !lab.wrong().is_empty() {
            rounds += 1;
            assert!(rounds < 60, "seed {seed}: {:#?}", lab.wrong());
            (0..lab.nodes.len()).for_each(|from| lab.round(from));
        }
    }
}

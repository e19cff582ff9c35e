//! One run: a cluster of two workers and a driver, load on it, a fault, and what came of it.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use ligand::{Value, json};
use ligand_servers::{Server, free_port, free_port_at};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    Outcome, clock, fault,
    history::{Heard, History},
    network::Network,
    peer::{Peer, Recipe},
    plan::{Fault, Kind, Plan, Run},
    role::{Role, Setup},
    verdict::{self, Evidence, Row},
};

/// Calls a second.
const CALLS: u64 = 1000;

/// Events a second.
const EVENTS: u64 = 100;

/// How long the driver waits for open calls at the end: longer than any of them may take.
const DRAIN: Duration = Duration::from_millis(11_000);

/// How long a cluster may take to find itself.
const ASSEMBLY: Duration = Duration::from_secs(60);

/// The cluster of a run.
pub(crate) struct Bench {
    pub(crate) run: Run,
    pub(crate) server: Option<Server>,
    pub(crate) network: Option<Network>,
    pub(crate) recipes: Vec<Recipe>,
    pub(crate) workers: Vec<Peer>,
    pub(crate) driver: Peer,
    pub(crate) heard: Arc<Mutex<Heard>>,
    namespace: String,
    /// The nodes on TCP, and where they listen.
    urls: Vec<(String, String)>,
    logs: PathBuf,
    _files: Option<TempDir>,
}

/// Does one run and judges it.
///
/// # Errors
/// Something that has nothing to do with the fault went wrong.
pub(crate) async fn run(run: &Run, plan: &Plan) -> Outcome<Row> {
    let mut bench = Bench::start(*run, plan).await?;
    bench.assembled(ASSEMBLY).await?;
    bench.driver.tell(&json!({ "do": "load", "calls": CALLS, "events": EVENTS })).await?;
    sleep(plan.before()).await;
    let marks = fault::inject(&mut bench, plan).await?;
    let drain = u64::try_from(DRAIN.as_millis())?;
    let halt = json!({ "do": "halt", "drain": drain });
    let history = bench.driver.ask(&halt, "history", DRAIN + Duration::from_secs(20)).await?;
    let history: History = serde_json::from_value(history)?;
    // Events need no answer; the last ones are under way.
    clock::pause(Duration::from_millis(500)).await;
    let mut used = vec![history.used.clone()];
    for worker in &mut bench.workers {
        used.push(worker.used().await?);
    }
    let counted = |name: &str| used.iter().filter_map(|used| used["traffic"][name].as_u64()).sum::<u64>();
    let heard = bench.heard.lock().clone();
    let evidence = Evidence {
        history,
        heard,
        marks,
        counted_lost: counted("eventsLost") + counted("eventsUnconfirmed"),
    };
    Ok(verdict::judge(run, &evidence))
}

impl Bench {
    async fn start(run: Run, plan: &Plan) -> Outcome<Self> {
        let (files, logs) = match &plan.logs {
            Some(folder) => {
                let name = format!("{}-{}-{}", run.transporter.name(), run.fault.name(), run.peer.name());
                (None, folder.join(name))
            }
            None => {
                let files = TempDir::new()?;
                let logs = files.path().to_owned();
                (Some(files), logs)
            }
        };
        std::fs::create_dir_all(&logs)?;
        if run.peer == Kind::Moleculer {
            crate::peer::install().await?;
        }
        let mut network = match run.fault {
            Fault::Partition => Some(Network::new().await?),
            _ => None,
        };
        let home: IpAddr = network.as_ref().map_or(IpAddr::from([127, 0, 0, 1]), Network::host);
        let server = match run.transporter.server() {
            Some(kind) => Some(Server::setup(kind).ip(home).start().await?),
            None => None,
        };
        let namespace = format!("chaos-{}-{}", std::process::id(), fastrand::u32(..));
        let mut places = Vec::new();
        for node in ["worker-1", "worker-2", "driver"] {
            let (space, ip) = match &mut network {
                Some(network) => network.add().await.map(|(space, ip)| (Some(space), ip))?,
                None => (None, home),
            };
            // In a namespace of its own a node may have any port.
            let port = if space.is_some() { 7000 } else { free_port_at(ip)? };
            places.push((node, space, format!("{ip}:{port}")));
        }
        let urls: Vec<_> =
            places.iter().map(|(node, _, address)| ((*node).to_owned(), address.clone())).collect();
        let heard = Arc::default();
        let recipe = |node: &str, role, space: Option<&String>| Recipe {
            role,
            kind: run.peer,
            setup: Setup {
                node: node.into(),
                namespace: namespace.clone(),
                transporter: transporter(run, server.as_ref(), &urls),
                count: 0,
                within: 0,
            },
            space: space.cloned(),
            log: logs.join(format!("{node}.log")),
        };
        let recipes: Vec<_> =
            places[..2].iter().map(|(node, space, _)| recipe(node, Role::Worker, space.as_ref())).collect();
        let mut workers = Vec::new();
        for recipe in &recipes {
            workers.push(recipe.start(&heard).await?);
        }
        let driver = recipe("driver", Role::Driver, places[2].1.as_ref()).start(&heard).await?;
        Ok(Self {
            run,
            server,
            network,
            recipes,
            workers,
            driver,
            heard,
            namespace,
            urls,
            logs,
            _files: files,
        })
    }

    /// How to start another node under the name of the first worker.
    pub(crate) fn double(&self) -> Outcome<Recipe> {
        let mut recipe = self.recipes[0].clone();
        let mut urls = self.urls.clone();
        urls[0].1 = format!("127.0.0.1:{}", free_port());
        recipe.setup.transporter = transporter(self.run, self.server.as_ref(), &urls);
        recipe.log = self.logs.join("double.log");
        Ok(recipe)
    }

    /// How to start many nodes that only say that they are there.
    pub(crate) fn crowd(&self, count: usize, within: Duration) -> Outcome<Recipe> {
        let ligand = Run { peer: Kind::Ligand, ..self.run };
        Ok(Recipe {
            role: Role::Crowd,
            kind: Kind::Ligand,
            setup: Setup {
                node: "ghost".into(),
                namespace: self.namespace.clone(),
                transporter: transporter(ligand, self.server.as_ref(), &self.urls),
                count,
                within: u64::try_from(within.as_millis())?,
            },
            space: None,
            log: self.logs.join("crowd.log"),
        })
    }

    /// Waits until every node knows every other one and both workers take calls; answers how long that took.
    ///
    /// # Errors
    /// It is not so within `limit`: says what the nodes know.
    pub(crate) async fn assembled(&mut self, limit: Duration) -> Outcome<Duration> {
        let start = Instant::now();
        let whole = json!({
            "nodes": ["driver", "worker-1", "worker-2"],
            "services": { "load": ["worker-1", "worker-2"] },
        });
        loop {
            let mut odd = None;
            for view in self.views().await? {
                if view != whole {
                    odd = Some(view);
                }
            }
            match odd {
                None => return Ok(start.elapsed()),
                Some(view) if start.elapsed() > limit => {
                    return Err(
                        format!("the nodes have not found each other within {limit:?}: {view}").into()
                    );
                }
                Some(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Waits until the driver calls both workers.
    ///
    /// # Errors
    /// It does not within a minute.
    pub(crate) async fn driver_sees_both(&mut self) -> Outcome {
        let start = Instant::now();
        while self.driver.view().await?["services"]["load"] != json!(["worker-1", "worker-2"]) {
            if start.elapsed() > ASSEMBLY {
                return Err("the driver does not see both workers".into());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What each node knows: the driver, then the workers.
    ///
    /// # Errors
    /// A node does not answer.
    pub(crate) async fn views(&mut self) -> Outcome<Vec<Value>> {
        let mut views = vec![self.driver.view().await?];
        for worker in &mut self.workers {
            views.push(worker.view().await?);
        }
        Ok(views)
    }

    /// Starts a worker again under its name.
    ///
    /// # Errors
    /// It does not start, or the driver does not see it.
    pub(crate) async fn replace(&mut self, worker: usize) -> Outcome {
        self.workers[worker] = self.recipes[worker].start(&self.heard).await?;
        self.driver_sees_both().await
    }
}

/// The option `transporter`, in the form that the peer reads.
fn transporter(run: Run, server: Option<&Server>, urls: &[(String, String)]) -> Value {
    let Some(server) = server else {
        let list: Vec<_> = urls.iter().map(|(node, address)| format!("tcp://{address}/{node}")).collect();
        return match run.peer {
            Kind::Ligand => json!({ "type": "tcp", "url": list, "udp_discovery": false }),
            Kind::Moleculer => json!({ "type": "TCP", "options": { "urls": list, "udpDiscovery": false } }),
        };
    };
    server.url().into()
}

//! The recorded packets of real nodes, as material to damage.

use std::{fs, path::PathBuf};

use ligand_wire::{packet::PacketKind, payload::Format};

/// A recorded packet.
#[derive(Clone, Debug)]
pub struct Golden {
    /// Name of the file, without its ending.
    pub name: String,
    /// What it is.
    pub kind: PacketKind,
    /// How it travelled.
    pub bytes: Vec<u8>,
}

/// The serializers, and the folder of each.
pub const FORMATS: [(Format, &str); 5] = [
    (Format::Json, "json"),
    (Format::JsonExt, "jsonext"),
    (Format::MsgPack, "msgpack"),
    (Format::Notepack, "notepack"),
    (Format::Cbor, "cbor"),
];

/// All recorded packets of a serializer, in the same order each time.
///
/// # Panics
/// When the files are not there: they belong to the repository.
pub fn packets(format: Format) -> Vec<Golden> {
    let folder = FORMATS.iter().find(|(other, _)| *other == format).map_or("json", |(_, folder)| folder);
    let root =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crates/ligand-wire/tests/golden").join(folder);
    let mut packets = Vec::new();
    for version in ["4", "5"] {
        let Ok(files) = fs::read_dir(root.join(version)) else { continue };
        for file in files.filter_map(Result::ok) {
            let name = format!("{version}-{}", file.path().file_stem().unwrap_or_default().to_string_lossy());
            let kind = name.split('-').nth(1).unwrap_or_default();
            let kind = PacketKind::ALL.into_iter().find(|known| known.as_str() == kind);
            if let (Some(kind), Ok(bytes)) = (kind, fs::read(file.path())) {
                packets.push(Golden { name, kind, bytes });
            }
        }
    }
    packets.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(packets.len() > 50, "{} packets in {}", packets.len(), root.display());
    packets
}

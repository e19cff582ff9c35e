use ligand_transmit::Compression;

use super::*;

fn all() -> [Compression; 3] {
    [Compression::deflate(), Compression::deflate_raw(), Compression::gzip()]
}

#[test]
fn short_packets_stay_and_long_ones_shrink() {
    for compression in all() {
        assert_eq!(round(&compression, b"{}"), &b"\0{}"[..]);
        let wire = round(&compression, &[b'x'; 1023]);
        assert_eq!((wire.len(), wire[0]), (1024, 0));
        let wire = round(&compression, &[b'x'; 1024]);
        assert!(wire.len() < 100 && wire[0] == 1);
        let compression = compression.threshold(0);
        assert_eq!(round(&compression, b"")[0], 1);
        let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        round(&compression, &noise);
    }
}

#[test]
fn every_form_begins_as_it_must() {
    let begins = |compression: &Compression| round(compression, &[b'x'; 2000])[1..3].to_vec();
    let [deflate, raw, gzip] = all();
    assert_eq!(begins(&deflate), [0x78, 0x9c]);
    assert_eq!(begins(&gzip), [0x1f, 0x8b]);
    assert_ne!(begins(&raw), [0x78, 0x9c]);
}

#[test]
fn what_becomes_too_long_is_refused() {
    for compression in all() {
        let bomb = compression.send(REQ, vec![0; 4_000_000].into()).unwrap();
        assert!(bomb.len() < 50_000);
        let small = compression.clone().max_size(100_000);
        assert!(refused(&small, bomb.clone()).message().contains("longer than 100000 bytes"));
        assert_eq!(compression.receive(REQ, bomb.clone()).unwrap().len(), 4_000_000);
        assert_eq!(compression.max_size(4_000_000).receive(REQ, bomb).unwrap().len(), 4_000_000);
    }
}

#[test]
fn what_is_not_compressed_is_refused() {
    for compression in all() {
        refused(&compression, "");
        refused(&compression, "\u{1}");
        refused(&compression, "\u{1}{\"a\":1}");
        let wire = compression.send(REQ, vec![b'x'; 5000].into()).unwrap();
        refused(&compression, wire.slice(..wire.len() / 2));
        survives_noise(&compression, true);
    }
    let zlib = Compression::deflate().send(REQ, vec![b'x'; 5000].into()).unwrap();
    assert!(refused(&Compression::gzip(), zlib).message().contains("not compressed with Gzip"));
}

#[test]
fn methods_are_named_as_in_moleculer() {
    for name in ["deflate", "deflateRaw", "deflate_raw", "gzip"] {
        assert!(name.parse::<ligand_transmit::Method>().is_ok());
    }
    let error = "brotli".parse::<ligand_transmit::Method>().unwrap_err();
    assert!(error.message().contains("use 'deflate'"));
}

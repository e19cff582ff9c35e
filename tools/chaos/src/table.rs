//! Results as text.

use crate::verdict::Row;

const HEAD: [&str; 15] = [
    "bus", "fault", "peer", "calls", "ok", "failed", "open", ">0.5 s", "max ms", "usual", "at fault",
    "events", "lost", "counted", "twice",
];

/// All rows with what is remarkable below.
pub(crate) fn whole(rows: &[Row]) -> String {
    let cells: Vec<_> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let own = cells.iter().map(|cells| cells[column].chars().count());
        own.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..HEAD.len()).map(width).collect();
    let join = |cells: &[String]| -> String {
        let pad = |(column, cell): (usize, &String)| match column < 3 {
            true => format!("{cell:<0$}", widths[column]),
            false => format!("{cell:>0$}", widths[column]),
        };
        cells.iter().enumerate().map(pad).collect::<Vec<_>>().join("  ")
    };
    let mut text = format!("\n{}\n", join(&HEAD.map(String::from)));
    for (row, cells) in rows.iter().zip(&cells) {
        text += &format!("{}  {}\n", join(cells), result(row));
    }
    for row in rows {
        let name = format!("{} {} {}", row.transporter.name(), row.fault.name(), row.peer.name());
        for (error, count) in &row.failures {
            text += &format!("{name}: {count} × {error}\n");
        }
        for note in &row.notes {
            text += &format!("{name}: {note}\n");
        }
        for miss in &row.misses {
            text += &format!("{name}: MISSED: {miss}\n");
        }
    }
    text
}

/// One row in short.
pub(crate) fn line(row: &Row) -> String {
    let pairs = HEAD.iter().zip(cells(row)).skip(3);
    let text: Vec<_> = pairs.map(|(name, value)| format!("{name} {value}")).collect();
    let more: String = row.notes.iter().chain(&row.misses).map(|text| format!("\n    {text}")).collect();
    format!("  {} — {}{more}", text.join(", "), result(row))
}

fn result(row: &Row) -> &'static str {
    if row.misses.is_empty() { "passed" } else { "MISSED" }
}

fn cells(row: &Row) -> [String; 15] {
    [
        row.transporter.name().into(),
        row.fault.name().into(),
        row.peer.name().into(),
        row.calls.to_string(),
        row.ok.to_string(),
        row.failures.values().sum::<usize>().to_string(),
        row.unsettled.to_string(),
        row.slow.to_string(),
        format!("{:.0}", row.longest),
        row.normal.map_or("never".into(), |time| format!("{time:.0}")),
        row.under_way.to_string(),
        row.events.to_string(),
        row.lost.to_string(),
        row.counted_lost.to_string(),
        row.doubled.to_string(),
    ]
}

//! The view as a frame. Pure: the same state on the same screen is the same frame.

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph, Row, Table, TableState, Wrap},
};

use super::{
    cells::first_word,
    data::percentile,
    details, keys,
    rows::{self, columns},
    state::{Link, Pane, Top},
};
use crate::{
    ctl::output::{Colour, table::Health, text, when::took},
    proto::v1::FrrStatus,
};

/// From this width on panes are side by side.
const WIDE: u16 = 150;

/// From here on there is room for all of them below each other.
const HIGH: u16 = 40;

/// From here on there is room for events below the pane with the keys.
const TWO_PANES: u16 = 20;

/// Lines of the events below the pane with the keys, with their border.
const EVENTS_HEIGHT: u16 = 8;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, top: &Top) {
    let head = head(top);
    let height = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let [above, tabs, body, below] = Layout::vertical([
        Constraint::Length(height),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(head), above);
    frame.render_widget(Paragraph::new(self::tabs(top)), tabs);
    for (pane, area) in places(top, body) {
        draw_pane(frame, top, pane, area);
    }
    frame.render_widget(Paragraph::new(foot(top)), below);
    if top.details {
        draw_details(frame, top);
    }
    if top.help {
        draw_help(frame, top);
    }
}

/// Where which pane is.
fn places(top: &Top, area: Rect) -> Vec<(Pane, Rect)> {
    let other = if top.focus == Pane::Events { Pane::Peers } else { Pane::Events };
    if top.enlarged || area.height < TWO_PANES - 4 {
        vec![(top.focus, area)]
    } else if area.width >= WIDE && area.height >= TWO_PANES {
        let columns = Layout::horizontal([Constraint::Fill(11), Constraint::Fill(10)]);
        let [left, right] = columns.areas(area);
        let thirds = [Constraint::Fill(2), Constraint::Fill(1), Constraint::Fill(1)];
        let [peers, bfd, ospf] = Layout::vertical(thirds).areas(left);
        let [prefixes, events, transactions] =
            Layout::vertical([Constraint::Fill(1), Constraint::Fill(2), Constraint::Fill(2)])
                .areas(right);
        let all = [peers, prefixes, bfd, ospf, events, transactions];
        Pane::ALL.into_iter().zip(all).collect()
    } else if area.height >= HIGH {
        let shares = [3, 2, 1, 1, 2, 2].map(Constraint::Fill);
        let all: [Rect; 6] = Layout::vertical(shares).areas(area);
        Pane::ALL.into_iter().zip(all).collect()
    } else {
        let two = [Constraint::Min(1), Constraint::Length(EVENTS_HEIGHT)];
        let [first, second] = Layout::vertical(two).areas(area);
        vec![(top.focus, first), (other, second)]
    }
}

/// FRR, the connection, and the sums.
fn head(top: &Top) -> Vec<Line<'static>> {
    let data = top.data();
    let status = data.status.clone().unwrap_or_default();
    let frr = status.frr_status.clone().unwrap_or_default();
    let mut first = vec![Span::styled("NovaRoute", bold()), Span::raw("  agent ")];
    match &top.link {
        Link::Up | Link::Connecting if top.hangs() => {
            first.push(state(top, "hangs", Health::Bad));
            first.push(Span::raw(format!(": no answer for {} s", top.silent.as_secs().max(1))));
        }
        Link::Up => first.push(state(top, "connected", Health::Good)),
        Link::Connecting => first.push(state(top, "connecting", Health::Waiting)),
        Link::Lost(why) => {
            first.push(state(top, "lost", Health::Bad));
            first.push(Span::raw(format!(", trying again: {why}")));
        }
    }
    if let (Some(_), Link::Up) = (&data.status, &top.link) {
        let age = took(status.snapshot_age_ms.saturating_mul(1000));
        first.push(Span::raw(format!("  snapshot {age} old")));
    }
    if !top.owner.is_empty() {
        first.push(Span::raw(format!("  owner {}", text::printable(&top.owner))));
    }
    first.push(Span::raw(format!("  {}", rows::clock(&top.now, top.now.time.as_millisecond()))));
    let mut lines = vec![Line::from(first)];
    if data.status.is_none() {
        lines.push(Line::from(format!("waiting for {}", text::printable(&top.socket))));
        return lines;
    }
    lines.push(frr_line(top, &frr));
    let up = status.peers.iter().filter(|peer| peer.state == "Established").count();
    let of = |word: &str| {
        status.prefixes.iter().filter(|prefix| first_word(&prefix.state) == word).count()
    };
    let latencies = data.latencies();
    let shown = |percent| percentile(&latencies, percent).map_or_else(|| "-".to_owned(), took);
    let pending = status.peers.iter().filter(|peer| first_word(&peer.state) == "pending").count()
        + of("pending");
    lines.push(Line::from(format!(
        "peers {up}/{} up  prefixes {}/{} advertised  pending {pending}  commits p50 {} p99 {}",
        status.peers.len(),
        of("advertised"),
        status.prefixes.len(),
        shown(50),
        shown(99),
    )));
    lines
}

/// FRR and its daemons.
fn frr_line(top: &Top, frr: &FrrStatus) -> Line<'static> {
    let mut spans =
        vec![Span::raw(format!("FRR {} ", text::or_dash(&text::printable(&frr.version))))];
    spans.push(match frr.connected {
        true => state(top, "up", Health::Good),
        false => state(top, "down", Health::Bad),
    });
    if !frr.uptime.is_empty() {
        spans.push(Span::raw(format!(" {}", text::uptime(&frr.uptime))));
    }
    for daemon in &frr.daemons {
        let name = text::printable(&daemon.name).into_owned();
        spans.push(Span::raw("  "));
        spans.push(match daemon.connected {
            true => state(top, &name, Health::Good),
            // Also without colours it has to be seen.
            false => state(top, &format!("{name}:down"), Health::Bad),
        });
    }
    Line::from(spans)
}

/// The panes with how many lines each has; the one with the keys stands out.
fn tabs(top: &Top) -> Line<'static> {
    let mut spans = Vec::new();
    for (index, pane) in Pane::ALL.into_iter().enumerate() {
        let style =
            if pane == top.focus { bold().add_modifier(Modifier::REVERSED) } else { Style::new() };
        spans.push(Span::styled(format!(" {} {} ", index + 1, pane.title()), style));
    }
    Line::from(spans)
}

fn draw_pane(frame: &mut Frame<'_>, top: &Top, pane: Pane, area: Rect) {
    let rows = rows::rows(top, pane);
    let focused = pane == top.focus;
    let style = if focused { bold() } else { Style::new() };
    let title = format!(" {} ({}) ", pane.title(), rows.len());
    let block = Block::bordered().title(Span::styled(title, style)).border_style(style);
    let selected = top.selected(pane, rows.len());
    let any = !rows.is_empty();
    let columns = columns(top, pane);
    let widths = columns.iter().map(|(_, width)| *width);
    let sorted = top.sorted[pane as usize];
    let names = columns.iter().enumerate().map(|(index, (name, _))| match sorted {
        Some(column) if column == index => format!("{name}^"),
        _ => (*name).to_owned(),
    });
    let header = Row::new(names).style(bold());
    let cells = rows.into_iter().map(|row| {
        Row::new(row.into_iter().map(|(text, health)| match health {
            Some(health) => Line::from(state(top, &text, health)),
            None => Line::from(text),
        }))
    });
    let table = Table::new(cells, widths)
        .header(header)
        .block(block)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    // The first line need not be marked: no one has selected it.
    let marked = (focused && any && selected > 0).then_some(selected);
    let mut state = TableState::new().with_selected(marked);
    frame.render_stateful_widget(table, area, &mut state);
}

/// All of the selected line, over the panes.
fn draw_details(frame: &mut Frame<'_>, top: &Top) {
    let Some((title, lines)) = details::of(top) else { return };
    let area = frame.area();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let [area] = Layout::vertical([Constraint::Length(height.min(area.height))])
        .flex(ratatui::layout::Flex::Center)
        .areas(area);
    let block = Block::bordered().title(Span::styled(format!(" {title} "), bold()));
    let text: Vec<Line<'static>> = lines.into_iter().map(Line::from).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), area);
}

/// What keys there are, or what is being typed.
fn foot(top: &Top) -> Line<'static> {
    if top.typing {
        return Line::from(format!(
            "/{}_   Enter keeps it, Esc clears it",
            text::printable(&top.filter)
        ));
    }
    let mut spans = Vec::new();
    if top.is_paused() {
        spans.push(state(top, "PAUSED ", Health::Waiting));
    }
    if !top.filter.is_empty() {
        spans.push(state(top, &format!("filter {} ", top.filter), Health::Waiting));
    }
    spans.push(Span::raw(match top.filter.is_empty() {
        true => "q quit  p pause  Tab pane  Enter enlarge  / filter  s sort  d details  ? help",
        false => "Esc clears it  s sort  d details  ? help",
    }));
    Line::from(spans)
}

fn draw_help(frame: &mut Frame<'_>, top: &Top) {
    let lines: Vec<Line<'_>> =
        keys::HELP.iter().map(|(key, does)| Line::from(format!(" {key:<16}{does}"))).collect();
    let (width, height) = (60, u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2));
    let area = frame.area().centered(Constraint::Length(width), Constraint::Length(height));
    let style =
        if top.colour == Colour::Ansi { Style::new().fg(Color::Cyan) } else { Style::new() };
    let block = Block::bordered().title(" Keys ").title_alignment(Alignment::Center);
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block.border_style(style)), area);
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// Text in the colour of how good it is.
fn state(top: &Top, text: &str, health: Health) -> Span<'static> {
    let colour = match health {
        Health::Good => Color::Green,
        Health::Waiting => Color::Yellow,
        Health::Bad => Color::Red,
    };
    let style = match top.colour {
        Colour::Ansi => Style::new().fg(colour),
        Colour::None => Style::new(),
    };
    Span::styled(text::printable(text).into_owned(), style)
}

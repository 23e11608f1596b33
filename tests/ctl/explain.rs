//! `explain`: the page, and the exit code.

use novaroute::{ctl::output, proto::v1::*};

use crate::{
    fake::{self, Fake, Script, Seen},
    golden::golden,
};

fn step(step: &str, subject: &str, result: &str, cause: &str, text: &str) -> ExplainStep {
    ExplainStep {
        step: step.into(),
        subject: subject.into(),
        result: result.into(),
        cause: cause.into(),
        text: text.into(),
        lines: Vec::new(),
    }
}

fn explanation() -> Explanation {
    let lines =
        vec!["router bgp 65000 / address-family ipv4 unicast / network 192.0.2.0/24".into()];
    let rendered = step("renders", "bgpd", "info", "", "1 of YANG, 1 of configuration");
    Explanation {
        object: "BGP prefix 192.0.2.0/24".into(),
        goal: "every neighbour whose session carries its family is sent it".into(),
        reached: false,
        steps: vec![
            step("declared", "edge", "ok", "", "by request, source services/a\u{1b}[2J"),
            ExplainStep { lines, ..rendered },
            step("best path", "bgpd", "ok", "", "what is declared here is the best path"),
            step("neighbour", "10.0.1.2", "ok", "", "it is sent"),
            step(
                "neighbour",
                "10.0.2.2",
                "held back",
                "filter",
                "a filter towards it: route-map deny",
            ),
        ],
        candidates: vec!["10.0.2.2 has a password".into()],
    }
}

#[test]
fn the_whole_way_is_a_page() {
    golden("explain", &output::Explanation::from(explanation()));
}

#[test]
fn only_what_is_well_ends_with_success() {
    for (reached, code) in [(true, 0), (false, 1)] {
        let explanation = Explanation { reached, ..explanation() };
        let fake = Fake::start(Script { explanation, ..Script::default() });
        let args = ["explain", "192.0.2.0/24", "--kind", "bgp"];
        let run = fake::ctl(&fake.socket(), &args);
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stdout.contains("held back: filter"), "{run:?}");
        assert_eq!(run.stderr.is_empty(), reached, "{run:?}");
        let request = ExplainRequest { target: "192.0.2.0/24".into(), kind: "bgp".into() };
        assert_eq!(fake.seen(), (Seen::Explain(request), true));
    }
}

//! LoadToCandidate REPLACE: exactly this, at the time of the commit.

use novaroute::proto::frr::{
    Encoding, GetRequest, commit_request::Phase, get_request::DataType,
    load_to_candidate_request::LoadType,
};
use tonic::Code;

use crate::{
    bed::*,
    lab::{Router, net},
};

const FILTER: &str = r#"{"frr-filter:lib":{"prefix-list":[{"type":"ipv4","name":"GONE","entry":[
    {"sequence":5,"action":"permit","ipv4-prefix":"10.0.0.0/8"}]}]},
    "frr-interface:lib":{"interface":[{"name":"tor0","description":"gone too"}]}}"#;

async fn running(client: &mut Client, encoding: Encoding) -> String {
    let request = GetRequest {
        r#type: DataType::Config.into(),
        encoding: encoding.into(),
        with_defaults: false,
        path: vec!["/".into()],
    };
    let mut answers = client.0.get(request).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().data.unwrap().data
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_does_not_have_goes_and_the_rest_stays_untouched() {
    let bed = Bed::start();
    let pids = || ["mgmtd", "zebra", "staticd"].map(|daemon| bed.lab.pid(Router::Node, daemon));
    let before = pids();
    let mut client = bed.client();
    let first = client.merged(bed.routes(&["10.99.1.0/24", "10.99.2.0/24"], net::TOR_V4)).await;
    client.load(first, LoadType::Merge, 0, FILTER.into()).await.unwrap();
    client.commit(first, Phase::All).await.unwrap();
    bed.assert_routed("10.99.2.0/24");
    let shown = bed.lab.vtysh(Router::Node, &["show running-config"]);
    assert!(shown.contains("GONE") && shown.contains("gone too"), "{shown}");

    let second = client.create().await;
    // What was edited before the replacement is replaced too, what comes after it is not.
    let lost = bed.routes(&["10.99.8.0/24"], net::TOR_V4);
    client.load(second, LoadType::Merge, 0, lost).await.unwrap();
    let exactly = bed.routes(&["10.99.2.0/24"], net::TOR_V4);
    client.load(second, LoadType::Replace, 0, exactly).await.unwrap();
    let more = bed.routes(&["10.99.3.0/24"], net::TOR_V4);
    client.load(second, LoadType::Merge, 0, more).await.unwrap();
    client.commit(second, Phase::Validate).await.unwrap();
    assert!(bed.staticd().contains("10.99.1.0"), "validation changes nothing");
    client.commit(second, Phase::All).await.unwrap();
    bed.assert_not_routed("10.99.1.0/24");
    bed.assert_routed("10.99.2.0/24");
    bed.assert_routed("10.99.3.0/24");
    let shown = bed.lab.vtysh(Router::Node, &["show running-config"]);
    assert!(!shown.contains("GONE") && !shown.contains("gone too"), "{shown}");
    assert!(!shown.contains("10.99.8.0"), "{shown}");
    bed.assert_clean().await;

    // The same again changes nothing, from XML as from JSON.
    for encoding in [Encoding::Json, Encoding::Xml] {
        let same = running(&mut client, encoding).await;
        let id = client.create().await;
        client.load(id, LoadType::Replace, encoding.into(), same).await.unwrap();
        let result = client.commit(id, Phase::All).await;
        if bed.lab_says_no_changes() {
            assert_eq!(result.unwrap_err().code(), Code::Aborted, "{encoding:?}");
        }
    }
    bed.assert_routed("10.99.2.0/24");
    assert_eq!(pids(), before, "no daemon was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_nothing_is_everything_taken_away_and_no_daemon_is_lost() {
    let bed = Bed::start();
    let pids = || ["mgmtd", "zebra", "staticd"].map(|daemon| bed.lab.pid(Router::Node, daemon));
    let before = pids();
    let mut client = bed.client();
    let first = client.merged(bed.routes(&["10.99.1.0/24"], net::TOR_V4)).await;
    client.load(first, LoadType::Merge, 0, FILTER.into()).await.unwrap();
    client.commit(first, Phase::All).await.unwrap();
    let xml = client.create().await;
    client.load(xml, LoadType::Replace, Encoding::Xml.into(), String::new()).await.unwrap();
    client.commit(xml, Phase::All).await.unwrap();
    bed.assert_not_routed("10.99.1.0/24");
    let shown = bed.lab.vtysh(Router::Node, &["show running-config"]);
    assert!(!shown.contains("GONE") && !shown.contains("gone too"), "{shown}");
    bed.assert_clean().await;
    bed.driver.commit(bed.add(&["10.99.2.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.2.0/24");
    assert_eq!(pids(), before, "no daemon was lost");

    // What is wrong is refused as a whole.
    let bad = client.create().await;
    let fish = bed.routes(&["10.99.3.0/24"], "fish");
    client.load(bad, LoadType::Replace, 0, fish).await.unwrap();
    let refused = client.commit(bad, Phase::All).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    bed.assert_routed("10.99.2.0/24");
    bed.assert_clean().await;
}

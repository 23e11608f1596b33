//! libyang with the models of a real FRR.
use std::path::Path;
use novaroute::yang::*;
use novaroute::tree::Tree;

#[test]
fn x() {
    let dir = Path::new("/var/cache/novaroute-lab/try/usr/share/yang");
    let t = std::time::Instant::now();
    let schema = Schema::load(dir, Profile::Datacenter).unwrap();
    eprintln!("{:?} {:?}", t.elapsed(), schema.modules());
    const B: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol[type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp";
    let mut tree = Tree::new();
    for (p, v) in [
        ("/global/local-as", "65000"), ("/global/router-id","10.0.0.1"), ("/global/import-check","false"),
        ("/global/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/ipv4-unicast/network-config[prefix='10.0.0.0/24']/rmap-policy-export","X"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/neighbor-remote-as/remote-as-type","as-specified"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/neighbor-remote-as/remote-as","65001"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/bfd-options/enable","true"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/bfd-options/novaroute-frr-bgp:profile","NR"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/enabled","true"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/ipv4-unicast/soft-reconfiguration","true"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/ipv4-unicast/prefix-limit/direction-list[direction='in']/max-prefixes","1000"),
        ("/neighbors/neighbor[remote-address='10.0.0.2']/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv4-unicast']/ipv4-unicast/prefix-limit/direction-list[direction='in']/options/warning-only","true"),
    ] { tree.set(&format!("{B}{p}").parse().unwrap(), v); }
        for (p,v) in [("/frr-route-map:lib/route-map[name='R']/entry[sequence='10']/action","permit"),
        ("/frr-route-map:lib/route-map[name='R']/entry[sequence='10']/set-action[action='frr-route-map:ipv4-next-hop']/rmap-set-action/ipv4-address","10.0.0.1"),
        ("/frr-route-map:lib/route-map[name='R']/entry[sequence='10']/set-action[action='frr-bgp-route-map:set-community']/rmap-set-action/frr-bgp-route-map:community-string","1:2"),
        ("/frr-bfdd:bfdd/bfd/profile[name='NR']/detection-multiplier","3"),
    ] { tree.set(&p.parse().unwrap(), v); }
    tree.ensure_presence(&B.parse().unwrap()); tree.ensure_presence(&"/frr-bfdd:bfdd/bfd".parse().unwrap());
    let v = schema.validate(&tree).unwrap();
    assert_eq!(v, tree);
    let json = schema.print_json(&tree).unwrap();
    eprintln!("{json}");
    assert_eq!(schema.parse_json(&json).unwrap(), tree);
    eprintln!("{:?}", schema.default_of(&format!("{B}/global/ebgp-requires-policy").parse().unwrap()));
    eprintln!("{:?}", schema.default_of(&format!("{B}/global/graceful-restart/restart-time").parse().unwrap()));
    tree.set(&format!("{B}/global/local-as").parse().unwrap(), "bogus");
    eprintln!("{:?}", schema.validate(&tree));
    tree.remove(&format!("{B}/global/local-as").parse().unwrap());
    eprintln!("{:?}", schema.validate(&tree));
}

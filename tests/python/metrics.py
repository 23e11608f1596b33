"""Reads a scrape from standard input with Prometheus' own parser and prints its families as JSON.

Fails where a line can't be read, where a histogram's buckets do not add up, or where one
series stands there twice.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, f"{family.name} has no help"
    assert family.name not in families, f"{family.name} is there twice"
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
    assert len(series) == len(set(series)), f"{family.name} has a series twice"
    if family.type == "histogram":
        counts = {}
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            if sample.name.endswith("_bucket"):
                last = counts.setdefault(labels, [0.0])
                assert sample.value >= last[-1], f"{family.name} {labels} goes down"
                last.append(sample.value)
            elif sample.name.endswith("_count"):
                assert counts[labels][-1] == sample.value, f"{family.name} {labels}: +Inf"
    families[family.name] = {
        "type": family.type,
        "labels": [sample.labels for sample in family.samples],
        "sum": sum(sample.value for sample in family.samples),
    }
json.dump(families, sys.stdout, separators=(",", ":"))

#!/usr/bin/env bats
# Asks Prometheus' own engine when each alert fires: `make check-monitoring`.

bats_require_minimum_version 1.5.0

# What Prometheus needs to watch a part, as JSON, an object after the other. kubectl prints objects of any kind without a cluster if
# it has something to do with them.
objects() {
  "$HELM" template local-registry charts/local-registry --namespace local-registry --set registry.enabled=true \
    --set monitoring.enabled=true --show-only "templates/$1/monitoring.yaml" |
    KUBECONFIG=/dev/null "$KUBECTL" annotate --local --filename - --output json a=b
}

setup_file() {
  cd "$BATS_TEST_DIRNAME/.."
  # promtool reads the groups of rules that are in a PrometheusRule. JSON is YAML.
  for part in sync nodes registry; do
    objects "$part" > "$BATS_FILE_TMPDIR/$part.json"
    jq 'select(.kind == "PrometheusRule").spec' "$BATS_FILE_TMPDIR/$part.json" > "$BATS_FILE_TMPDIR/$part.yaml"
  done
  cp -r e2e/monitoring "$BATS_FILE_TMPDIR/"
  # The tests name the rules as if they were beside them.
  mv "$BATS_FILE_TMPDIR"/{sync,nodes,registry}.yaml "$BATS_FILE_TMPDIR/monitoring/"
}

setup() {
  cd "$BATS_FILE_TMPDIR/monitoring"
}

# alert-name.yaml for LocalRegistryAlertName
file_of() {
  sed 's/^LocalRegistry//; s/[A-Z]/-\L&/g; s/^-//; s/$/.yaml/' <<< "$1"
}

@test "the rules are valid, and none is there twice" {
  "$PROMTOOL" check rules --lint=all --lint-fatal sync.yaml nodes.yaml registry.yaml
}

@test "every alert fires when it should, and not before, on a gap, or where all is well" {
  mapfile -t tests < <(ls | grep -vx 'sync.yaml\|nodes.yaml\|registry.yaml')
  "$PROMTOOL" test rules "${tests[@]}"
}

@test "every alert has a file of tests" {
  diff <(jq --raw-output '.groups[].rules[].alert' {sync,nodes,registry}.yaml |
    while read -r alert; do file_of "$alert"; done | sort) \
    <(ls | grep -vx 'sync.yaml\|nodes.yaml\|registry.yaml' | sort)
}

# A test that passes whatever the alert says is none. So each is changed in a way that its tests have to notice: it never fires, it
# fires at once, and, where it looks at some minutes, it only looks at the newest sample.
@test "the tests notice an alert that is changed" {
  newest='.expr |= gsub("[a-z]+_over_time\\((?<newest>[^\\[]*)\\[(5m|1h)\\]\\)"; .newest)'
  for part in sync nodes registry; do
    for alert in $(jq --raw-output '.groups[].rules[].alert' "$part.yaml"); do
      sed 's/^rule_files: .*/rule_files: [changed.json]/' "$(file_of "$alert")" > changed.yaml
      cp "$part.yaml" changed.json
      "$PROMTOOL" test rules changed.yaml
      for change in '.expr = "vector(0) > 1"' 'del(.for)' "$newest"; do
        jq --arg alert "$alert" "(.groups[].rules[] | select(.alert == \$alert)) |= ($change)" "$part.yaml" > changed.json
        if ! cmp --silent "$part.yaml" changed.json; then
          run "$PROMTOOL" test rules changed.yaml
          [[ "$status" -ne 0 && "$output" == *"FAILED"* ]] || { echo "$alert: $change: $output"; return 1; }
        fi
      done
      rm changed.json changed.yaml
    done
  done
}

@test "every part has its pods, its alerts, and a dashboard that Grafana finds" {
  for part in sync nodes registry; do
    kinds=$(jq --raw-output .kind "../$part.json" | sort | tr '\n' ' ')
    [ "$kinds" = 'ConfigMap PodMonitor PrometheusRule ' ] || { echo "$part: $kinds"; return 1; }
    jq --slurp --exit-status '.[] | select(.kind == "ConfigMap") | .metadata.labels.grafana_dashboard == "1"
      and (.data | length == 1 and all(fromjson | .uid and .title and (.panels | length > 2)))' "../$part.json"
  done
}

# promtool says of a rule whether its expression is one. A variable of Grafana's is none.
@test "the queries of the dashboards are valid" {
  for part in sync nodes registry; do
    jq --slurp '[.[] | select(.kind == "ConfigMap").data[] | fromjson.panels[].targets[].expr | gsub("\\$__rate_interval"; "5m")]
      | {groups: [{name: "dashboard", rules: (to_entries | map({record: "query:\(.key)", expr: .value}))}]}' \
      "../$part.json" > queries.json
    jq --exit-status '.groups[].rules | length > 2' queries.json
    "$PROMTOOL" check rules --lint=none queries.json
    rm queries.json
  done
}

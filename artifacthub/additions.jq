# What Artifact Hub shows and `kwctl scaffold artifacthub` does not write, from the changelog: `make artifacthub`.
# $policy, $source and $version are those of the policy's metadata.
{
  containersImages: [{name: "local-registry-sync", image: "\($policy | sub("policy$"; "sync")):v\($version)"}],
  recommendations: [{url: "https://artifacthub.io/packages/helm/kubewarden/kubewarden-defaults"}],
  screenshots: [{
    title: "From the cluster's declaration to the image of a BuildRun",
    url: "\($source)/raw/v\($version)/docs/chain.svg",
  }],
  # The newest section: its headings are kinds of changes, its items descriptions.
  changes: [
    split("\n## ")[1] | split("\n### ")[1:][] |
    (split("\n")[0] | ascii_downcase) as $kind |
    split("\n- ")[1:][] | {kind: $kind, description: (gsub("\\s+"; " ") | rtrimstr(" "))}
  ],
}

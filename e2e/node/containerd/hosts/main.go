// Says which registries containerd asks for a name, by containerd's own code: for the tests of the files that the node
// agent writes. Reads names from its standard input, one on a line, and prints a line of JSON for each. The argument is the
// directory that `config_path` would name.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
)

type registry struct {
	URL string `json:"url"`
	// What it may be asked for.
	Capabilities []string `json:"capabilities"`
	// Whether a certificate authority beside the system's is trusted.
	Authority bool `json:"authority"`
}

var capabilities = []struct {
	name string
	bit  docker.HostCapabilities
}{
	{"pull", docker.HostCapabilityPull},
	{"resolve", docker.HostCapabilityResolve},
	{"push", docker.HostCapabilityPush},
	{"referrers", docker.HostCapabilityReferrers},
}

type answer struct {
	Registries []registry `json:"registries"`
	Error      string     `json:"error,omitempty"`
}

func main() {
	hosts := config.ConfigureHosts(context.Background(), config.HostOptions{HostDir: config.HostDirFromRoot(os.Args[1])})
	lines := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		found := answer{Registries: []registry{}}
		registries, err := hosts(lines.Text())
		if err != nil {
			found.Error = err.Error()
		}
		for _, host := range registries {
			may := []string{}
			for _, capability := range capabilities {
				if host.Capabilities.Has(capability.bit) {
					may = append(may, capability.name)
				}
			}
			found.Registries = append(found.Registries, registry{
				URL:          host.Scheme + "://" + host.Host + host.Path,
				Capabilities: may,
				Authority:    hasAuthority(host.Client),
			})
		}
		if err := output.Encode(found); err != nil {
			panic(err)
		}
	}
}

// containerd refuses a file that names an authority which it cannot read. So if there are any, they were read.
func hasAuthority(client *http.Client) bool {
	transport, ok := client.Transport.(*http.Transport)
	return ok && transport.TLSClientConfig != nil && transport.TLSClientConfig.RootCAs != nil
}

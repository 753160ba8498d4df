// Says which registries containerd 1.7 asks for a name, by containerd's own code, as ../../containerd/hosts does for the newest
// containerd: names on standard input, one on a line, and a line of JSON for each. The argument is the directory that
// `config_path` would name.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	"github.com/containerd/containerd/remotes/docker/config"
)

type answer struct {
	URLs []string `json:"urls"`
}

func main() {
	hosts := config.ConfigureHosts(context.Background(), config.HostOptions{HostDir: config.HostDirFromRoot(os.Args[1])})
	lines := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		found := answer{URLs: []string{}}
		// What cannot be read is logged, and the file left out.
		registries, err := hosts(lines.Text())
		if err != nil {
			panic(err)
		}
		for _, host := range registries {
			found.URLs = append(found.URLs, host.Scheme+"://"+host.Host+host.Path)
		}
		if err := output.Encode(found); err != nil {
			panic(err)
		}
	}
}

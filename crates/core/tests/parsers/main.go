// Command parsers shows how the Go parsers of the ecosystem read references and hosts.
//
// It reads JSON lines, each with a `text` (a reference) or a `host`, and writes each back with three
// verdicts: what distribution/reference read, what go-containerregistry read, in the version that
// Shipwright uses, and what containers/image read (buildah, skopeo, podman and CRI-O). A verdict is null if the parser refuses. `make verdicts` runs it over verdicts.jsonl.
package main

import (
	"bufio"
	_ "crypto/sha256"
	_ "crypto/sha512" // distribution/reference accepts only the digest algorithms that are linked in.
	"encoding/json"
	"log"
	"os"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
	containersreference "go.podman.io/image/v5/docker/reference"
)

// row is a line of verdicts.jsonl. The verdicts are about the text, or about HOST/x/y.
type row struct {
	Text       *string  `json:"text,omitempty"`
	Host       *string  `json:"host,omitempty"`
	Docker     *verdict `json:"docker"`
	Ggcr       *verdict `json:"ggcr"`
	Containers *verdict `json:"containers"`
}

// verdict is what a parser read. Without a registry in the text, Registry is Docker Hub, which each
// parser spells in its own way.
type verdict struct {
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	Identifier string `json:"identifier,omitempty"`
}

func docker(text string) *verdict {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return nil
	}
	v := &verdict{Registry: reference.Domain(named), Repository: reference.Path(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		v.Identifier = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		v.Identifier = digested.Digest().String()
	}
	return v
}

func containers(text string) *verdict {
	named, err := containersreference.ParseNormalizedNamed(text)
	if err != nil {
		return nil
	}
	v := &verdict{Registry: containersreference.Domain(named), Repository: containersreference.Path(named)}
	if tagged, ok := named.(containersreference.Tagged); ok {
		v.Identifier = tagged.Tag()
	}
	if digested, ok := named.(containersreference.Digested); ok {
		v.Identifier = digested.Digest().String()
	}
	return v
}

func ggcr(text string) *verdict {
	ref, err := name.ParseReference(text, name.WithDefaultTag(""))
	if err != nil {
		return nil
	}
	return &verdict{
		Registry:   ref.Context().RegistryStr(),
		Repository: ref.Context().RepositoryStr(),
		Identifier: ref.Identifier(),
	}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for in.Scan() {
		var r row
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			log.Fatal(err)
		}
		text := ""
		switch {
		case r.Text != nil:
			text = *r.Text
		case r.Host != nil:
			text = *r.Host + "/x/y"
		default:
			log.Fatalf("neither text nor host: %s", in.Text())
		}
		r.Docker, r.Ggcr, r.Containers = docker(text), ggcr(text), containers(text)
		if err := encoder.Encode(r); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}

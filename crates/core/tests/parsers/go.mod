module parsers

go 1.25.6

require (
	github.com/distribution/reference v0.6.0
	github.com/google/go-containerregistry v0.21.9
	go.podman.io/image/v5 v5.40.0
)

require (
	github.com/opencontainers/go-digest v1.0.0 // indirect
	go.podman.io/storage v1.63.0 // indirect
)

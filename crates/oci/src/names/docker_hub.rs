//! Docker Hub, the one registry whose names are not where it is.

/// The hosts that mean Docker Hub.
const HOSTS: [&str; 4] = ["docker.io", "index.docker.io", "registry.hub.docker.com", API];
/// The host that answers.
pub(crate) const API: &str = "registry-1.docker.io";

/// Whether a host means Docker Hub.
pub(crate) fn is_docker_hub(host: &str) -> bool {
    HOSTS.contains(&host)
}

/// The path of a repository in the API of its registry. Docker Hub has a folder for images without one.
pub(crate) fn api_path(host: &str, path: &str) -> String {
    if is_docker_hub(host) && !path.contains('/') { format!("library/{path}") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_has_a_folder_for_images_without_one() {
        assert_eq!(api_path("docker.io", "busybox"), "library/busybox");
        assert_eq!(api_path("docker.io", "team/app"), "team/app");
        assert_eq!(api_path("registry.example", "app"), "app");
    }
}

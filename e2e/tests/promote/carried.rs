//! Images that are carried in a folder: skopeo reads what is written, and what skopeo writes is promoted.

use e2e::{LocalRegistry, Make, PromotionTree, ok, read_image, skopeo};

use crate::makes::build;

#[test]
fn a_folder_is_what_other_programs_read_and_write() {
    let (staging, inside) = (LocalRegistry::start(Make::Distribution), LocalRegistry::start(Make::GoContainerRegistry));
    let folder = tempfile::tempdir().unwrap();
    build(&staging.host, folder.path());
    let carried = folder.path().join("carried");
    let argument = carried.to_str().unwrap();

    let out = PromotionTree::new(&staging.host, "registry.example:5000", "");
    let _ = out.run(&["add", "app:v1"]);
    assert!(out.run(&["run", "--confirm", "--to-layouts", argument]).ends_with("1 copied\n"));
    let layout = format!("oci:{argument}/registry.example_5000/prod/app:v1");
    let copy = format!("{}/copied/app:v1", inside.host);
    skopeo(&layout, &format!("docker://{copy}"));
    let expected = read_image(&format!("{}/staging/app:v1", staging.host));
    assert!(read_image(&copy) == expected, "skopeo reads other bytes");

    // A layout of another program's, for a source that is not reached from here.
    std::fs::create_dir_all(carried.join("elsewhere.example/staging")).unwrap();
    let written = format!("oci:{argument}/elsewhere.example/staging/app:v1");
    skopeo(&format!("docker://{}/staging/app:v1", staging.host), &written);
    let images = std::fs::read_to_string(out.path().join("images/team/images.yaml")).unwrap();
    let come = PromotionTree::new("elsewhere.example", &inside.host, &images);
    assert!(come.run(&["run", "--confirm", "--from-layouts", argument]).ends_with("1 copied\n"));
    assert!(read_image(&format!("{}/prod/app:v1", inside.host)) == expected, "other bytes arrived");
    assert_eq!(ok(come.command(&["verify", "--from-layouts", argument])), "1 there\n");
}

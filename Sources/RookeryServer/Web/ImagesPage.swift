import RookeryModel

/// Every image that is kept: what it is of, how much it takes, and why it stays.
struct ImagesPage: Sendable {
  var images: API.Images
  var viewer: User

  var page: Page {
    let total = images.images.reduce(0) { $0 + $1.sizeMB }
    let free: HTML = images.diskFreeMB.map { ", \(Wording.size($0 << 20)) of disk free" } ?? ""
    return Page(
      title: "Images · Rookery", user: viewer, kind: "images",
      content: """
        <main class="repository" id="main"><header class="session-head"><div class="session-title"><h1>Images</h1></div>\
        <p class="about">\(Wording.plural(images.images.count, "image", "images")) with \(Wording.size(total << 20))\(free)</p></header>\
        \(list)</main>
        """)
  }

  private var list: HTML {
    guard !images.images.isEmpty else { return #"<p class="empty">No image was built yet.</p>"# }
    let rows = images.images.map { image -> HTML in
      """
      <li><a class="row" href="/repositories/\(image.repository)"><span class="row-main">\
      <span class="row-title">\(image.repository) <code>\(Wording.shortCommit(image.commit))</code></span>\
      <span class="row-facts"><span>\(image.id)</span>\(Wording.time(image.created))<span>\(Wording.size(image.sizeMB << 20))</span>\
      <span>\(Wording.plural(image.depth, "layer", "layers"))</span></span></span>\(Self.use(image))</a></li>
      """
    }
    return #"<ul class="rows">\#(rows)</ul>"#
  }

  private static func use(_ image: API.ImageDetail) -> HTML {
    if image.serves { return #"<span class="state state-completed">Serves</span>"# }
    if !image.sandboxes.isEmpty { return #"<span class="state state-running">In use</span>"# }
    if !image.images.isEmpty || !image.snapshots.isEmpty { return #"<span class="state state-idle">Below others</span>"# }
    return #"<span class="state state-idle">Earlier</span>"#
  }
}

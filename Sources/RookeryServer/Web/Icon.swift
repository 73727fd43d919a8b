/// The page's pictures: 16 × 16 strokes in the colour of the text around them, hidden from screen readers.
enum Icon: String {
  case agent = "M4 6h8v6H4zM8 6V3.5M6.5 9h.01M9.5 9h.01"
  case box = "M2.5 5 8 2.5l5.5 2.5v6L8 13.5 2.5 11zM2.5 5 8 7.5 13.5 5M8 7.5v6"
  case branch = "M5 3v7M5 10a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM11 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM11 6c0 3-6 1.5-6 4"
  case check = "M3.5 8.5 6.5 11.5 12.5 5"
  case clip = "M12.5 7.2 7.6 12a2.8 2.8 0 0 1-4-4l5.2-5a1.9 1.9 0 0 1 2.7 2.7L6.4 10.6a.9.9 0 0 1-1.3-1.3l4.5-4.4"
  case clock = "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.2l2 1.3"
  case commit = "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 8h4M10.5 8h4"
  case cross = "M4.5 4.5l7 7M11.5 4.5l-7 7"
  case download = "M8 2.5v7.5M5 7.5l3 3 3-3M3 13h10"
  case edit = "M3 13l.6-2.8L10.7 3.1a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7L5.8 12.4z"
  case file = "M4 2.5h5l3 3v8H4zM9 2.5v3h3"
  case globe = "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2 8h12M8 2c2.2 2 2.2 10 0 12-2.2-2-2.2-10 0-12z"
  case info = "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5v3.5M8 5h.01"
  case merge =
    "M4.5 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.5 6v7M11.5 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM11.5 10V6.5a2 2 0 0 0-2-2H7.5M9 3 7.5 4.5 9 6"
  case search = "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 13.5 13.5"
  case shield = "M8 2 3 4v4c0 3 2.2 5 5 6 2.8-1 5-3 5-6V4z"
  case spark = "M8 2v4M8 10v4M2 8h4M10 8h4"
  case stop = "M4.5 4.5h7v7h-7z"
  case terminal = "M2.5 3.5h11v9h-11zM5 6.5 7 8.2 5 10M8.5 10H11"
  case tool = "M9.5 3.2a3 3 0 0 0-3.9 3.9L2.5 10.2l1.8 1.8L7.4 8.9a3 3 0 0 0 3.9-3.9L9.5 6.8 7.7 5z"
  case up = "M8 13V3.5M4 7.5l4-4 4 4"
  case warning = "M8 2.5 14 13H2zM8 6.5v3M8 11.2h.01"

  var html: HTML {
    """
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.4" \
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="\(rawValue)"/></svg>
    """
  }
}

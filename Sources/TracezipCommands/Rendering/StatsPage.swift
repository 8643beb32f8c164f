/// A page of charts.
struct StatsPage {
  let reports: [StatsReport]
  init(_ reports: [StatsReport]) { self.reports = reports }
  var text: String { "" }
}

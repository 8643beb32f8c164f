import TracezipCommands

@main
struct Main {
  static func main() { Tool.main() }
}

// Takes a lock again and again, and tells what happens. Run two of them side by side
// and watch them hand the lock to one another:
//
//     handover --name=A & handover --name=B
//
//     --address=ADDRESS   the server (127.0.0.1:7650)
//     --name=NAME         who takes the lock (A)
//     --key=KEY           which lock (demo)
//     --rounds=N          how many times (3)
//     --hold-ms=N         for how long each time (400)

#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "holdfast/client.h"
#include "holdfast/sync_lock.h"

namespace {

using namespace std::chrono_literals;

using Flags = std::map<std::string, std::string, std::less<>>;

// One line at a time, for callbacks come on a thread of their own.
void Say(const std::string& name, const std::string& event) {
  std::printf("%s\n", (name + "  " + event).c_str());
  std::fflush(stdout);
}

// False: there is a flag that is not known.
bool Parse(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (!argument.starts_with("--") || equals == std::string_view::npos) return false;
    const auto flag = flags.find(argument.substr(2, equals - 2));
    if (flag == flags.end()) return false;
    flag->second = argument.substr(equals + 1);
  }
  return true;
}

// Minus one: no number.
int Number(const std::string& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

std::string Place(const holdfast::QueueInfo& info) {
  std::string place = "waiting at position " + std::to_string(info.position);
  if (!info.holders.empty()) place += " behind " + info.holders.front().owner;
  return place;
}

// What the lock protects: nothing, for a while. Ends early if the lease is lost, as all
// work under a lease should.
void Work(const holdfast::Lease& lease, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock<std::mutex> lock(mutex);
  never.wait_for(lock, lease.lost(), time, [] { return false; });
}

int Run(const Flags& flags, int rounds, std::chrono::milliseconds hold) {
  const std::string& name = flags.find("name")->second;
  const auto client = holdfast::Client::Create(flags.find("address")->second, {.owner = name});
  if (!client.ok()) {
    Say(name, client.status().ToString());
    return 1;
  }
  holdfast::SyncLock lock(
      **client, flags.find("key")->second,
      {.timeout = 30s, .expire = 10s, .on_queued = [&name](const holdfast::QueueInfo& info) {
         Say(name, Place(info));
       }});
  for (int round = 0; round < rounds; ++round) {
    const auto lease = lock.Acquire();
    if (!lease.ok()) {
      Say(name, "failed: " + lease.status().ToString());
      return 1;
    }
    Say(name, "granted, token " + std::to_string(lease->fencing_token()));
    Work(*lease, hold);
    // Before the release, or the next holder would be heard first.
    Say(name, "releases");
    if (const absl::Status released = lock.Release(); !released.ok()) {
      Say(name, "failed: " + released.ToString());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags = {{"address", "127.0.0.1:7650"},
                 {"name", "A"},
                 {"key", "demo"},
                 {"rounds", "3"},
                 {"hold-ms", "400"}};
  const bool parsed = Parse(argc, argv, flags);
  const int rounds = Number(flags["rounds"]);
  const int hold = Number(flags["hold-ms"]);
  if (!parsed || rounds < 0 || hold < 0) {
    std::fputs(
        "usage: handover [--address=ADDRESS] [--name=NAME] [--key=KEY] [--rounds=N]"
        " [--hold-ms=N]\n",
        stderr);
    return 2;
  }
  return Run(flags, rounds, std::chrono::milliseconds(hold));
}

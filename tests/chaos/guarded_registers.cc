#include "tests/chaos/guarded_registers.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "tests/chaos/unix_socket.h"

namespace holdfast::chaos {

GuardedRegisters::GuardedRegisters(const Options& options)
    : options_(options), listener_(ListenOn(path())), accepting_([this] { Accept(); }) {}

GuardedRegisters::~GuardedRegisters() {
  std::vector<std::thread> serving;
  shutdown(listener_.get(), SHUT_RDWR);
  accepting_.join();
  {
    MutexLock lock(mutex_);
    for (const std::unique_ptr<LineSocket>& connection : connections_) connection->Shutdown();
    serving = std::move(serving_);
  }
  for (std::thread& thread : serving) thread.join();
}

GuardedRegisters::Register GuardedRegisters::Get(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = registers_.find(name);
  return found == registers_.end() ? Register{} : found->second;
}

std::uint64_t GuardedRegisters::written() const {
  MutexLock lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [name, reg] : registers_) sum += reg.written;
  return sum;
}

std::uint64_t GuardedRegisters::refused() const {
  MutexLock lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [name, reg] : registers_) sum += reg.refused;
  return sum;
}

void GuardedRegisters::Accept() {
  for (;;) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;  // Shut down.
    MutexLock lock(mutex_);
    connections_.push_back(std::make_unique<LineSocket>(FileDescriptor(fd)));
    serving_.emplace_back([this, connection = connections_.back().get()] { Serve(*connection); });
  }
}

void GuardedRegisters::Serve(LineSocket& connection) {
  while (const std::optional<std::string> line = connection.ReadLine()) {
    if (!connection.WriteLine(Answer(*line))) return;
  }
}

std::string GuardedRegisters::Answer(const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  std::string name;
  std::uint32_t client = 0;
  std::uint64_t token = 0;
  words >> verb >> name >> client >> token;

  MutexLock lock(mutex_);
  Register& reg = registers_[name];
  const bool accepted = !options_.check_tokens || token >= reg.largest_token;
  if (verb == "write" && options_.recorder != nullptr) {
    options_.recorder->Record(
        client, history::Written{.resource = name, .fencing_token = token, .accepted = accepted});
  }
  if (!accepted) {
    ++reg.refused;
    return "refused " + std::to_string(reg.largest_token);
  }
  reg.largest_token = std::max(reg.largest_token, token);
  if (verb == "read") return "value " + reg.text;
  words >> reg.text;
  ++reg.written;
  return "written";
}

std::optional<std::string> RegisterClient::Read(const std::string& name, std::uint64_t token) {
  const std::string answer = Ask("read", name, token, "");
  const std::string value = "value ";
  if (!answer.starts_with(value)) return std::nullopt;
  return answer.substr(value.size());
}

bool RegisterClient::Write(const std::string& name, std::uint64_t token, const std::string& text) {
  return Ask("write", name, token, " " + text) == "written";
}

std::string RegisterClient::Ask(const std::string& verb, const std::string& name,
                                std::uint64_t token, const std::string& rest) {
  connection_.WriteLine(verb + " " + name + " " + std::to_string(client_) + " " +
                        std::to_string(token) + rest);
  const std::optional<std::string> answer = connection_.ReadLine();
  if (answer.has_value()) return *answer;
  std::fprintf(stderr, "the registers have gone\n");
  std::_Exit(1);
}

}  // namespace holdfast::chaos

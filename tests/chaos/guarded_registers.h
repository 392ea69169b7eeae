// What the locks guard: registers with a text each, on a server that knows nothing of the
// lock service but fencing tokens.
//
// A register that checks tokens keeps the largest that it has seen, of reads and of
// writes, and refuses a smaller one. Reads count too: otherwise a holder whose lease
// has lapsed could still write between the read and the write of its successor, who
// would then overwrite what it has never seen.
//
// It is spoken to over a Unix socket, line by line, so that its clients can be other
// processes, and can be stopped between any two steps:
//
//   read REGISTER CLIENT TOKEN          ->  value TEXT, or: refused LARGEST
//   write REGISTER CLIENT TOKEN TEXT    ->  written, or: refused LARGEST

#ifndef HOLDFAST_TESTS_CHAOS_GUARDED_REGISTERS_H_
#define HOLDFAST_TESTS_CHAOS_GUARDED_REGISTERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/file_descriptor.h"
#include "common/mutex.h"
#include "tests/chaos/recorder.h"
#include "tests/chaos/unix_socket.h"
#include "tests/support/temp_dir.h"

namespace holdfast::chaos {

// Serves until the object goes, with a thread for each client. Thread-safe.
class GuardedRegisters {
 public:
  struct Options {
    bool check_tokens = true;
    // Told of each write in the order in which it was decided. May be null.
    Recorder* recorder = nullptr;
  };

  // Ends the process if its socket cannot be made.
  explicit GuardedRegisters(const Options& options);
  ~GuardedRegisters();
  GuardedRegisters(const GuardedRegisters&) = delete;
  GuardedRegisters& operator=(const GuardedRegisters&) = delete;

  // The path of its socket.
  std::string path() const { return folder_.path() + "/registers"; }

  struct Register {
    std::uint64_t largest_token = 0;
    std::string text{};
    std::uint64_t written = 0;
    std::uint64_t refused = 0;  // Reads and writes.
  };
  Register Get(const std::string& name) const EXCLUDES(mutex_);

  // Of all registers together.
  std::uint64_t written() const EXCLUDES(mutex_);
  std::uint64_t refused() const EXCLUDES(mutex_);

 private:
  void Accept() EXCLUDES(mutex_);
  void Serve(LineSocket& connection);
  std::string Answer(const std::string& line) EXCLUDES(mutex_);

  const Options options_;
  const TempDir folder_;
  const FileDescriptor listener_;

  mutable Mutex mutex_;
  std::map<std::string, Register> registers_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<LineSocket>> connections_ GUARDED_BY(mutex_);
  std::vector<std::thread> serving_ GUARDED_BY(mutex_);

  std::thread accepting_;
};

// A client of such registers, with a connection of its own. Ends the process when the
// registers go. Thread-compatible.
class RegisterClient {
 public:
  // `client` is the number by which the history knows it.
  RegisterClient(const std::string& path, std::uint32_t client)
      : connection_(ConnectTo(path)), client_(client) {}

  // Absent: refused.
  std::optional<std::string> Read(const std::string& name, std::uint64_t token);

  // False: refused. REQUIRES: `text` has no white space in it.
  bool Write(const std::string& name, std::uint64_t token, const std::string& text);

 private:
  std::string Ask(const std::string& verb, const std::string& name, std::uint64_t token,
                  const std::string& rest);

  LineSocket connection_;
  const std::uint32_t client_;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_GUARDED_REGISTERS_H_

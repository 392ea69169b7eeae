// The driver of the C++ client: see scenarios.md. Each command has a thread of its own.

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"

namespace holdfast {
namespace {

using Options = std::map<std::string, std::string>;

class Driver {
 public:
  Driver(std::unique_ptr<Client> client, std::unique_ptr<Client> session)
      : client_(std::move(client)), session_(std::move(session)) {}

  void Obey(const std::string& number, const std::string& verb, const Options& options) {
    if (verb == "acquire") {
      const auto acquire = std::make_shared<Acquire>();
      acquire->lock = LockFor(number, options);
      {
        const std::scoped_lock guard(mutex_);
        acquires_[number] = acquire;
      }
      std::thread([this, number, acquire] { Run(number, *acquire); }).detach();
    } else {
      std::thread([this, number, verb, options] { Answer(number, verb, options); }).detach();
    }
  }

 private:
  struct Acquire {
    std::shared_ptr<SyncLock> lock;
    std::stop_source stop;
    std::optional<Lease> lease;
  };

  void Say(const std::string& number, const std::string& words) {
    const std::scoped_lock guard(mutex_);
    std::cout << number << ' ' << words << std::endl;
  }

  static std::string Reason(const absl::Status& status) {
    const ErrorReason reason = ReasonOf(status);
    if (reason != ErrorReason::kUnspecified) return std::string(ErrorReasonName(reason));
    return absl::StatusCodeToString(status.code());
  }

  void SayEnd(const std::string& number, const absl::Status& status) {
    Say(number, status.ok() ? "ok" : "failed " + Reason(status));
  }

  static std::string Get(const Options& options, const std::string& name) {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second;
  }

  std::shared_ptr<SyncLock> LockFor(const std::string& number, const Options& options) {
    const std::string object = Get(options, "object");
    const std::scoped_lock guard(mutex_);
    if (!object.empty() && objects_.contains(object)) return objects_[object];
    LockOptions asked;
    if (options.contains("timeout")) asked.timeout = Seconds(std::stod(Get(options, "timeout")));
    if (options.contains("expire")) asked.expire = Seconds(std::stod(Get(options, "expire")));
    std::istringstream tags(Get(options, "tags"));
    for (std::string tag; std::getline(tags, tag, ',');) asked.tags.Insert(tag);
    asked.owner = Get(options, "owner");
    asked.auto_renew = options.contains("renew");
    asked.bound = options.contains("bound");
    asked.on_queued = [this, number](const QueueInfo& info) {
      const std::string owner = info.holders.empty() ? "" : info.holders.front().owner;
      Say(number, "queued " + std::to_string(info.position) + " " + owner);
    };
    auto made = std::make_shared<SyncLock>(options.contains("bound") ? *session_ : *client_,
                                           Get(options, "key"), std::move(asked));
    if (!object.empty()) objects_[object] = made;
    return made;
  }

  void Run(const std::string& number, Acquire& acquire) {
    const auto lease = acquire.lock->Acquire(acquire.stop.get_token());
    if (!lease.ok()) {
      SayEnd(number, lease.status());
      return;
    }
    acquire.lease = *lease;
    Say(number, "granted " + std::to_string(lease->fencing_token()));
  }

  void Answer(const std::string& number, const std::string& verb, const Options& options) {
    if (verb == "locked") {
      const auto lock = client_->Get(Get(options, "key"));
      Say(number, lock.ok() && !lock->holders.empty() ? "yes" : "no");
      return;
    }
    std::shared_ptr<Acquire> acquire;
    {
      const std::scoped_lock guard(mutex_);
      acquire = acquires_.at(Get(options, "of"));
    }
    if (verb == "cancel") {
      acquire->stop.request_stop();
      Say(number, "ok");
    } else if (verb == "state") {
      Say(number, acquire->lease->valid() ? "valid" : "invalid");
    } else if (verb == "lost") {
      std::binary_semaphore lost(0);
      const std::stop_callback signal(acquire->lease->lost(), [&lost] { lost.release(); });
      lost.acquire();
      Say(number, "lost");
    } else if (verb == "renew") {
      SayEnd(number, acquire->lock->Renew());
    } else {
      SayEnd(number, acquire->lock->Release(*acquire->lease));
    }
  }

  const std::unique_ptr<Client> client_;
  const std::unique_ptr<Client> session_;  // For bound leases.
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<SyncLock>> objects_;
  std::map<std::string, std::shared_ptr<Acquire>> acquires_;
};

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto client = holdfast::Client::Create(argv[1]);
  auto session = holdfast::Client::Create(argv[1], {.session = true});
  if (!client.ok() || !session.ok()) {
    std::cerr << client.status() << ", " << session.status() << '\n';
    return 1;
  }
  holdfast::Driver driver(*std::move(client), *std::move(session));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string number;
    std::string verb;
    words >> number >> verb;
    holdfast::Options options;
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      options[word.substr(0, equals)] = word.substr(equals + 1);
    }
    driver.Obey(number, verb, options);
  }
  std::_Exit(0);  // Threads may be waiting.
}

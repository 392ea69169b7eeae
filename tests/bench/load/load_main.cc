// Puts a load on one lock service and prints what it has measured as one line of JSON.
// `./dev bench` starts it once for each figure; `load --help` tells what it takes.
//
// Exit codes: 0 measured, 1 an operation has failed, 64 a flag is wrong.

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "tests/bench/load/etcd_driver.h"
#include "tests/bench/load/flock_driver.h"
#include "tests/bench/load/measures.h"
#include "tests/bench/load/postgres_driver.h"
#include "tests/bench/load/redis_driver.h"
#include "tests/bench/load/session_driver.h"
#include "tests/bench/load/unary_driver.h"
#include "tests/bench/load/zookeeper_driver.h"

namespace holdfast::bench {
namespace {

using MakeDriver = std::function<std::unique_ptr<Driver>(const DriverOptions&)>;
using Measure = std::function<std::optional<Report>(Driver&, const MeasureOptions&)>;

const std::map<std::string, MakeDriver>& Drivers() {
  static const std::map<std::string, MakeDriver> drivers = {
      {"unary", [](const auto& options) { return std::make_unique<UnaryDriver>(options); }},
      {"session", [](const auto& options) { return std::make_unique<SessionDriver>(options); }},
      {"redis", RedisDriver::Connect},
      {"etcd-lock",
       [](const auto& options) {
         return std::make_unique<EtcdDriver>(options, EtcdWay::kLockService);
       }},
      {"etcd-txn",
       [](const auto& options) {
         return std::make_unique<EtcdDriver>(options, EtcdWay::kTransaction);
       }},
      {"zookeeper", ZooKeeperDriver::Connect},
      {"postgres", PostgresDriver::Connect},
      {"flock", [](const auto& options) { return std::make_unique<FlockDriver>(options); }},
  };
  return drivers;
}

const std::map<std::string, Measure>& Measures() {
  static const std::map<std::string, Measure> measures = {
      {"pairs", MeasurePairs},
      {"renewals", MeasureRenewals},
      {"hand-over", MeasureHandOver},
      {"idle", MeasureIdleWaiters},
      {"fill", MeasureFill},
      {"lapse", MeasureLapse},
      {"renew-all", MeasureRenewAll},
      {"ready", nullptr},
      {"hold", nullptr},
      {"wait", nullptr},
  };
  return measures;
}

template <typename Value>
std::vector<std::string> Names(const std::map<std::string, Value>& values) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : values) names.push_back(name);
  return names;
}

void Print(const Report& report) {
  std::string line = "{";
  for (const auto& [name, value] : report) {
    if (line.size() > 1) line += ", ";
    line += absl::StrFormat("\"%s\": %.6f", name, value);
  }
  std::puts((line + "}").c_str());
}

int Failed() {
  std::fputs("load: an operation has failed\n", stderr);
  return 1;
}

int Main(int argc, char** argv) {
  std::string service;
  std::string measure;
  DriverOptions driver_options;
  MeasureOptions options;
  double warm_up = options.window.warm_up.count();
  double seconds = options.window.seconds.count();
  double expire = 30;
  double limit = 60;
  std::string key = "orders/1";

  CLI::App app("Puts a load on one lock service.");
  app.add_option("--service", service)->required()->check(CLI::IsMember(Names(Drivers())));
  app.add_option("--measure", measure)->required()->check(CLI::IsMember(Names(Measures())));
  app.add_option("--address", driver_options.address, "as the service spells it")->required();
  app.add_option("--connections", driver_options.connections)->check(CLI::PositiveNumber);
  app.add_option("--outstanding", options.outstanding)->check(CLI::PositiveNumber);
  app.add_option("--leases", options.leases)->check(CLI::PositiveNumber);
  app.add_option("--waiters", options.waiters)->check(CLI::PositiveNumber);
  app.add_option("--server-pid", options.window.server, "whose processor time is counted");
  app.add_option("--warm-up", warm_up, "seconds before it measures")->check(CLI::NonNegativeNumber);
  app.add_option("--seconds", seconds, "that it measures")->check(CLI::PositiveNumber);
  app.add_option("--expire", expire, "seconds, of what `fill` leaves held");
  app.add_option("--limit", limit, "seconds that `ready` tries");
  app.add_option("--key", key, "that `hold` holds and `wait` waits for");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  options.window.warm_up = std::chrono::duration<double>(warm_up);
  options.window.seconds = std::chrono::duration<double>(seconds);
  options.expire =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(expire));

  const auto make = [&] { return Drivers().at(service)(driver_options); };
  std::optional<Report> report;
  if (measure == "ready") {
    report = MeasureReady(make, std::chrono::duration<double>(limit));
  } else if (const auto driver = make(); driver != nullptr) {
    if (measure == "hold") HoldUntilKilled(*driver, key);
    report = measure == "wait" ? AwaitKey(*driver, key) : Measures().at(measure)(*driver, options);
    if (report) Print(*report);
    // Waits may be under way that nobody ends, so nothing is taken down.
    std::fflush(stdout);
    std::_Exit(report ? 0 : Failed());
  }
  if (report) Print(*report);
  return report ? 0 : Failed();
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) { return holdfast::bench::Main(argc, argv); }

// Prints, for every planted bug, or those whose names contain the argument, how many
// seeds it takes to find it: the table of docs/reliability.md. Without a finding among
// the ordinary number of seeds it says so, and ends with 1.

#include <cstddef>
#include <iostream>
#include <string>

#include "tests/simulation/planted/hunt.h"
#include "tests/simulation/planted/planted.h"

int main(int argc, char** argv) {
  using namespace holdfast::planted;
  const std::string wanted = argc > 1 ? argv[1] : "";
  bool all = true;
  std::cout << "| planted bug | seeds | first finding |\n| --- | --- | --- |\n";
  for (std::size_t bug = 0; bug < kNames.size(); ++bug) {
    if (kNames[bug].find(wanted) == std::string::npos) continue;
    const Catch caught = Hunt(bug, kOrdinarySeeds);
    all = all && caught.seed != 0;
    std::cout << "| " << kNames[bug] << " | "
              << (caught.seed != 0 ? std::to_string(caught.seed) : "not found") << " | "
              << caught.finding << " |" << std::endl;
  }
  return all ? 0 : 1;
}

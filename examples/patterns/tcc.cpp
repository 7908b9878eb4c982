// TCC: business code calls only try, with its own HTTP client; the scope confirms or cancels.
// usage: tcc COORDINATOR PORT-OF-THE-SERVICE
#include <settle/tcc_scope.h>

#include <cstdlib>
#include <iostream>

#include "post.h"

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  settle::Client client(argv[1]);

  auto scope = settle::TccScope::open(client);
  if (!scope) return std::cerr << scope.error().message << '\n', 2;

  for (const char* day : {"monday", "friday"}) {  // the name of the branch
    const auto headers = scope->headers(day);
    if (!headers) return std::cerr << headers.error().message << '\n', 2;
    if (post(std::atoi(argv[2]), "/try", *headers) != 200) {
      std::cout << "no seat on " << day << '\n';
      return 1;  // leaving the scope gives everything back
    }
  }
  const auto told = scope->complete(settle::Wait::for_end(std::chrono::seconds{20}));
  if (!told) return std::cerr << told.error().message << '\n', 2;
  std::cout << (told->committed() ? "committed" : "running") << '\n';
}

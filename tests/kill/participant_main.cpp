// kill-participant FOLDER INDEX PORT SETTLED-PORT SABOTAGE: one participant of the kill harness; runs until killed.

#include <unistd.h>

#include <iostream>
#include <string>

#include "kill/participant.h"
#include "live/server.h"

int main(int argc, char** argv) {
  using namespace settle;
  if (argc != 6) {
    std::cerr << "started by kill-harness\n";
    return 2;
  }
  kill::Participant participant({argv[1], std::stoul(argv[2]), static_cast<std::uint16_t>(std::stoul(argv[4])),
                                 static_cast<kill::Sabotage>(std::stoul(argv[5]))});
  const live::Server server(static_cast<std::uint16_t>(std::stoul(argv[3])),
                            [&](const live::Message& request) { return participant.on_request(request); });
  for (;;) ::pause();
}

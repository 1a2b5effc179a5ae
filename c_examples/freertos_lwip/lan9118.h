/* The Ethernet controller of the board (LAN9118), as a network interface of lwIP. */
#ifndef LAN9118_H
#define LAN9118_H

#include "lwip/netif.h"

/* For netif_add(). */
err_t lan9118_init(struct netif *netif);

/* Takes in what has arrived; from the task that serves the interface, about once a millisecond. */
void lan9118_poll(struct netif *netif);

#endif

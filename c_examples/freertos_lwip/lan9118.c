/*
 * Polled, with the data port read and written by the core: short rather than fast. Names of the
 * registers are those of the data sheet.
 */
#include "lan9118.h"

#include <string.h>

#include "lwip/etharp.h"
#include "lwip/pbuf.h"
#include "netif/ethernet.h"

#define REGISTER(offset) (*(volatile uint32_t *)(0x40200000u + (offset)))
#define RX_DATA_FIFO REGISTER(0x00)
#define TX_DATA_FIFO REGISTER(0x20)
#define RX_STATUS_FIFO REGISTER(0x40)
#define TX_CFG REGISTER(0x70)
#define HW_CFG REGISTER(0x74)
#define RX_FIFO_INF REGISTER(0x7C)
#define TX_FIFO_INF REGISTER(0x80)
#define MAC_CSR_CMD REGISTER(0xA4)
#define MAC_CSR_DATA REGISTER(0xA8)

#define TX_CFG_ON 2u
#define HW_CFG_RESET 1u
#define HW_CFG_MUST_BE_ONE (1u << 20)
#define HW_CFG_TX_FIFO_5K (5u << 16)
#define MAC_CSR_BUSY (1u << 31)

enum { MAC_CR = 1, MAC_ADDRH = 2, MAC_ADDRL = 3 };
#define MAC_CR_RX_TX_ON 0xCu

#define RX_STATUS_ERROR (1u << 15)
#define RX_STATUS_LEN(status) (((status) >> 16) & 0x3FFFu)
#define FCS_LEN 4u

#define TX_FIRST_AND_LAST 0x3000u

static void write_mac(uint32_t number, uint32_t value)
{
    MAC_CSR_DATA = value;
    MAC_CSR_CMD = MAC_CSR_BUSY | number;
    while (MAC_CSR_CMD & MAC_CSR_BUSY) {
    }
}

/* lwIP has a frame to send. */
static err_t output(struct netif *netif, struct pbuf *frame)
{
    static uint8_t bytes[1520];
    (void)netif;
    if (frame->tot_len > sizeof bytes) {
        return ERR_BUF;
    }
    /* The interface says how much is free; a frame that does not fit is dropped, as on the wire. */
    if ((TX_FIFO_INF & 0xFFFFu) < frame->tot_len + 16u) {
        return ERR_MEM;
    }
    pbuf_copy_partial(frame, bytes, frame->tot_len, 0);
    TX_DATA_FIFO = TX_FIRST_AND_LAST | frame->tot_len;
    TX_DATA_FIFO = frame->tot_len;
    for (uint32_t i = 0; i < frame->tot_len; i += 4) {
        uint32_t word;
        memcpy(&word, &bytes[i], 4);
        TX_DATA_FIFO = word;
    }
    return ERR_OK;
}

err_t lan9118_init(struct netif *netif)
{
    static const uint8_t address[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    HW_CFG = HW_CFG_RESET;
    while (HW_CFG & HW_CFG_RESET) {
    }
    HW_CFG = HW_CFG_MUST_BE_ONE | HW_CFG_TX_FIFO_5K;
    write_mac(MAC_ADDRL, 0x12005452u);
    write_mac(MAC_ADDRH, 0x5634u);
    write_mac(MAC_CR, MAC_CR_RX_TX_ON);
    TX_CFG = TX_CFG_ON;

    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->mtu = 1500;
    netif->hwaddr_len = sizeof address;
    memcpy(netif->hwaddr, address, sizeof address);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
                   NETIF_FLAG_LINK_UP;
    netif->output = etharp_output;
    netif->linkoutput = output;
    return ERR_OK;
}

/* Reads one frame; NULL when it was damaged or lwIP has no memory for it. */
static struct pbuf *read_frame(void)
{
    uint32_t status = RX_STATUS_FIFO;
    uint32_t len = RX_STATUS_LEN(status);
    uint32_t payload = len > FCS_LEN ? len - FCS_LEN : 0;
    struct pbuf *frame = NULL;
    if (!(status & RX_STATUS_ERROR) && payload > 0) {
        frame = pbuf_alloc(PBUF_RAW, (uint16_t)payload, PBUF_POOL);
    }
    for (uint32_t i = 0; i < (len + 3) / 4; i++) {
        uint32_t word = RX_DATA_FIFO;
        uint32_t left = payload > i * 4 ? payload - i * 4 : 0;
        if (frame != NULL && left > 0) {
            pbuf_take_at(frame, &word, (uint16_t)(left < 4 ? left : 4), (uint16_t)(i * 4));
        }
    }
    return frame;
}

void lan9118_poll(struct netif *netif)
{
    while ((RX_FIFO_INF >> 16) & 0xFFu) {
        struct pbuf *frame = read_frame();
        if (frame != NULL && netif->input(frame, netif) != ERR_OK) {
            pbuf_free(frame);
        }
    }
}

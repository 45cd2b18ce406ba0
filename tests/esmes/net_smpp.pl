# An application by Net::SMPP (tests/esmes/app.py says how it is spoken to): a long text goes as
# message_payload.
use strict;
use warnings;

use Encode qw(decode encode);
use IO::Select;
use JSON::PP;
use Net::SMPP;

my ($host, $port, $system_id, $password) = @ARGV;
my %forms;
$| = 1;

sub say_event {
    my ($event, %facts) = @_;
    print JSON::PP->new->ascii->encode({event => $event, %facts}), "\n";
}

my ($smpp, $answer) = Net::SMPP->new_transceiver(
    $host,
    port => $port,
    system_id => $system_id,
    password => $password,
    system_type => '',
    interface_version => 0x34,
    addr_ton => 0,
    addr_npi => 0,
    address_range => '',
) or die "no connection: $!";
die 'bind: ' . $answer->explain_status if $answer->status;
say_event('bound');

sub submit {
    my ($order) = @_;
    my $ucs2 = $order->{form} eq 'ucs2';
    my $octets = encode($ucs2 ? 'UTF-16BE' : 'gsm0338', $order->{text});
    my @text = $order->{form} eq 'long'
        ? (short_message => '', message_payload => $octets)
        : (short_message => $octets);
    my $sequence = $smpp->submit_sm(
        async => 1,
        source_addr_ton => 5,
        source_addr_npi => 0,
        source_addr => 'Acme',
        dest_addr_ton => 1,
        dest_addr_npi => 1,
        destination_addr => $order->{to},
        registered_delivery => 1,
        data_coding => $ucs2 ? 8 : 0,
        @text,
    ) or die "submit: $!";
    $forms{$sequence} = $order->{form};
}

sub delivered {
    my ($pdu) = @_;
    $smpp->deliver_sm_resp(message_id => '', seq => $pdu->seq) or die "answer: $!";
    if ($pdu->{esm_class} & 0x04) {
        my ($id) = $pdu->{short_message} =~ /id:(\S+)/;
        my ($stat) = $pdu->{short_message} =~ /stat:(\S+)/;
        return say_event('receipt', id => $id, stat => $stat);
    }
    my $octets = length $pdu->{short_message} ? $pdu->{short_message} : $pdu->{message_payload};
    my $text = decode($pdu->{data_coding} == 8 ? 'UTF-16BE' : 'gsm0338', $octets);
    say_event('inbound', from => $pdu->{source_addr}, text => $text);
}

sub take {
    my $pdu = $smpp->read_pdu or die 'the connection is closed';
    my $command = $pdu->explain_cmd;
    if ($command eq 'submit_resp' || $command eq 'submit_sm_resp') {
        die 'submit: ' . $pdu->explain_status if $pdu->status;
        say_event('submitted', form => $forms{$pdu->seq}, ids => [$pdu->message_id]);
    } elsif ($command eq 'deliver_sm') {
        delivered($pdu);
    } elsif ($command eq 'enquire_link') {
        $smpp->enquire_link_resp(seq => $pdu->seq);
    }
}

my $sources = IO::Select->new(\*STDIN, $smpp);
my $heard = '';
while (1) {
    for my $source ($sources->can_read) {
        if ($source == $smpp) {
            take();
            next;
        }
        sysread(STDIN, $heard, 65536, length $heard) or die 'the test is gone';
        while ($heard =~ s/^(.*)\n//) {
            my $order = JSON::PP->new->decode($1);
            if ($order->{do} eq 'submit') {
                submit($order);
                next;
            }
            my $unbound = $smpp->unbind or die 'unbind: no answer';
            die 'unbind: ' . $unbound->explain_status if $unbound->status;
            say_event('unbound');
            exit 0;
        }
    }
}

#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The clipboard in both directions: what a client sends can be pasted by an X
# client, what an X client copies reaches the client that controls; large ones,
# pictures, limits, directions, and who must not see any of it.

use warnings;
use strict;

use Test::More;

use Digest::SHA qw/ sha256_hex /;
use MIME::Base64 qw/ encode_base64 decode_base64 /;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

use constant {
	MIB => 1024 * 1024,
	CHUNK => 750 * 1024,
};

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%
    server {
        listen %%PORT_0%%;
        root %%TESTDIR%%/html;

        location / { %%SELKIES%% }
        location /in/ { %%SELKIES%% selkies_enable_clipboard in; }
        location /out/ { %%SELKIES%% selkies_enable_clipboard out; }
        location /off/ { %%SELKIES%% selkies_enable_clipboard false; }
        location /text/ {
            %%SELKIES%%
            selkies_enable_binary_clipboard false|locked;
        }
        location /small/ {
            %%SELKIES%%
            selkies_clipboard_max_size 100k;
        }
    }
}
EOC

my $x = Selkies::X->new($t, 'xselection');

$t->run();

# Another controller takes the display over; it declared the additions.

my $c;

sub control {
	my (%o) = @_;

	my $settings = { enable_binary_clipboard => 'true',
		%{ delete $o{settings} || {} } };
	my $before = $c;
	my $ext = delete $o{ext};

	$c = Selkies::WebSocket->new($t, %o);
	die "no upgrade\n" unless $c->{status} == 101;
	$c->send_text('_ext,{"version":"test","want":["status","html"]}') if $ext;
	$c->send_text(Selkies::WebSocket::settings(800, 600, %$settings));
	$c->{auto_ack} = 1;
	$c->wait_frame(key => 1, timeout => 10) or die "no picture\n";
	$before->wait_close() if $before && $before->{open};
	$c->round_trip();
	$c->forget();

	return $c;
}

sub b64 { encode_base64($_[0], '') }

sub slurp { $t->read_file($_[0]) }

# What an X client pastes; or a word for why not.

sub paste {
	my ($target) = @_;

	my $file = $t->dir() . '/pasted';
	my $answer = $x->ask("paste $target $file", qr/^(?:pasted|refused)/);

	return $answer =~ /^pasted (\S+)/ ? slurp('pasted') : 'refused';
}

# It takes a moment until it is there, unless a key asks for it.

sub pastes {
	my ($want, $name, $target) = @_;

	my $got;

	wait_for { ($got = paste($target || 'UTF8_STRING')) eq $want } 3;

	is($got, $want, $name);
}

my $nfile = 0;

sub own {
	my (@pairs) = @_;
	my @words;

	while (my ($target, $data) = splice @pairs, 0, 2) {
		push @words, $t->write_file('own' . $nfile++, $data), $target;
	}

	$x->ask("own @words", qr/^owns/);
}

# The next clipboard the client is sent, put together: type, data.

sub incoming {
	my ($timeout, $client) = @_;

	$client ||= $c;

	my $first = $client->wait_text(qr/^clipboard(?:_binary|_start)?,/,
		$timeout || 5) or return;

	return ('text/plain', decode_base64($1)) if $first =~ /^clipboard,(.*)/s;
	return ($1, decode_base64($2)) if $first =~ /^clipboard_binary,(.*?),(.*)/s;

	my ($mime, $total) = $first =~ /^clipboard_start,(.*),(\d+)$/ or return;
	my $data = '';

	while (my $text = $client->wait_text(qr/^clipboard_(?:data|finish)/, 10)) {
		last if $text eq 'clipboard_finish';
		$data .= decode_base64(substr $text, 15);
	}

	return ($mime, $data) if length $data == $total;
	return ($mime, 'cut: ' . length $data);
}

# Sent as a stock page of dialect 1 does it, or with an id as one of dialect 2.

sub send_clipboard {
	my ($data, %o) = @_;

	my $verb = $o{mime} ? 'cb' : 'cw';
	my $id = defined $o{id} ? "$o{id}," : '';
	my $mime = $o{mime} ? "$o{mime}," : '';

	if (length $data < CHUNK) {
		$c->send_text("$verb,$mime" . b64($data));
		return;
	}

	$c->send_text("${verb}s,$id$mime" . length $data);
	$c->send_text("${verb}d,$id" . b64($_)) for unpack '(a' . CHUNK . ')*',
		$data;
	$c->send_text($o{id} ? "${verb}e,$o{id}" : "${verb}e");
}

# Nothing of the clipboard came, and what was asked has been processed.

sub nothing {
	my ($name, $client) = @_;

	$client ||= $c;
	$client->run_for(0.3);
	$client->round_trip();

	my @texts = grep { /^clipboard/ } @{ $client->{texts} };

	is("@{[ map { substr $_, 0, 40 } @texts ]}", '', $name);
}

# Bytes that neither compress nor repeat.

sub noise {
	my ($n) = @_;

	open my $random, '<', '/dev/urandom' or die "urandom: $!\n";
	read $random, my $seed, 65536;

	my $data = '';

	$data .= $seed ^ chr(length($data) / 65536 % 256) x 65536
		while length $data < $n;

	return substr $data, 0, $n;
}

sub text_of { my ($n) = @_; return substr b64(noise($n)), 0, $n }

###############################################################################
# text

control();

$c->send_text('cr');
nothing('an empty clipboard is not answered');

send_clipboard("Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac");
pastes("Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac", 'text of the client is pasted');
is(paste('text/plain;charset=utf-8'), "Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac",
	'by its newer name');
is(paste('STRING'), "Gr\xfc\xdfe ?", 'as Latin-1 to an old program');
is(paste('TEXT'), "Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac", 'as TEXT');
isnt(paste('COMPOUND_TEXT'), 'refused', 'and as COMPOUND_TEXT');
is(paste('image/png'), 'refused', 'it is no picture');
is(length paste('TIMESTAMP'), 8, 'TIMESTAMP');
like($x->ask('multiple A=UTF8_STRING B=image/png C=TIMESTAMP',
	qr/^(?:multiple|refused)/), qr/^multiple 11 - 1$/, 'MULTIPLE');
like($x->ask('primary', qr/^primary/), qr/ 0$/, 'PRIMARY is left alone');
nothing('no echo to who sent it');

own(UTF8_STRING => "from the desktop \xe2\x9c\x93");
is(join('|', incoming()), "text/plain|from the desktop \xe2\x9c\x93",
	'text of the desktop is sent');

own(STRING => "old \xe4\xf6");
is(join('|', incoming()), "text/plain|old \xc3\xa4\xc3\xb6",
	'Latin-1 of an old program');

$c->send_text('cr');
is(join('|', incoming()), "text/plain|old \xc3\xa4\xc3\xb6", 'cr reads it');

$c->send_text('REQUEST_CLIPBOARD');
is(join('|', incoming()), "text/plain|old \xc3\xa4\xc3\xb6",
	'REQUEST_CLIPBOARD, nothing new');

$c->send_text('REQUEST_CLIPBOARD');
own(UTF8_STRING => 'copied just now');
is(join('|', incoming()), 'text/plain|copied just now',
	'REQUEST_CLIPBOARD, followed by a copy');
nothing('once');

# what was pasted in stays when its client goes

send_clipboard('stays');
$c->round_trip();
$c->close();
pastes('stays', 'a clipboard outlives its client');

# a manager that takes over what the client has set is no news to it

control();
send_clipboard('mine');
pastes('mine', 'set');
own(UTF8_STRING => 'mine');
nothing('taken over by a clipboard manager: no echo');

###############################################################################
# a paste key right behind it

$x->ask('focus', qr/^focused/);

my $right = 0;

for my $i (1 .. 30) {
	$c->send_text('cw,' . b64("paste $i"), 'kd,118', 'ku,118');
	$right++ if ($x->wait(qr/^key/, 5) || '') eq "key paste $i";
	select undef, undef, undef, 0.1;
}

is($right, 30, 'a key behind a clipboard pastes that one');

###############################################################################
# large ones, both ways

my %hash;

for my $case ([ 16, 'text/plain', 'UTF8_STRING' ], [ 8, 'image/png' ]) {
	my ($mib, $mime, $target) = @$case;

	my $data = $target ? text_of($mib * MIB) : "\x89PNG" . noise($mib * MIB - 4);
	my $hash = sha256_hex($data);
	my $start = clock();

	my $pasted;

	send_clipboard($data, $target ? () : (mime => $mime));
	wait_for { length($pasted = paste($target || $mime)) == $mib * MIB };

	is(sha256_hex($pasted), $hash, "$mib MiB of $mime in");
	note(sprintf '%.2f s', clock() - $start);

	substr $data, 10, 1, substr($data, 10, 1) eq 'A' ? 'B' : 'A';
	$hash = sha256_hex($data);
	$start = clock();
	own($target || $mime, $data);

	my ($type, $got) = incoming(20);

	is("$type " . sha256_hex($got), "$mime $hash", "$mib MiB of $mime out");
	note(sprintf '%.2f s', clock() - $start);
}

###############################################################################

$t->done();

// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import SecureLoader

/// Throw-away keys: they protect nothing.
enum TestKeys {
    static let rsa: SigningKey = read(rsaPKCS1)
    static let otherRSA: SigningKey = read(otherRSAPKCS8)
    static let ecdsa: SigningKey = read(ecSEC1)

    private static func read(_ pem: String) -> SigningKey {
        do throws(KeyError) { return try SigningKey(pem: pem) } catch { preconditionFailure("\(error)") }
    }

    /// Of the golden images.
    static let rsaPKCS1 = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEpAIBAAKCAQEAj+gIjgcUwWGpqG+yiaGylf6gBQ0XMbdTh3hXPTAhWEvSWkBE
        gFOo/Qpj3ktLtOPAciWe4kGlJ9psJmLjoEqEYuMDV8cG+zqKvP1jeaixDSeOK2T3
        YTJ93ectnCf5ShnMBu09t/qH0t+PC1HHjDZ5yHIkbpqV5HUI690pA7v15Si0Uyvj
        rgt5Gbm3UzpA1L/x2+YzZHB2YUc6boUQSqc6NQ73ZEh3wbP+iAFUjTkd25uP/ZRR
        InUA/El1pMswwXlUtsqxoQQFdcdD9vzxrr8JbUjV8wCPTVKNAtvr174mlx29gDRn
        whVditIGQtAumApRTxF/R/59I8ndn7uuY9WeBQIDAQABAoIBAAKTF6gW11e4XBUv
        3mVY9714Pzun5szUZ1GqpQDqvgX64UoNEUyscn8Icw30keesFXLVWnjYzNAgN8Qe
        C81/18t/HT2ySV0wSHAmJmP0USqXlRMQrN5XzWmta6L6Ehsxx/UtxGdou4pZxpDg
        xy2qgdZEuIMkD990+pJhtAyljboqT+S2gOTp11Eq9QMJTgfIHmM/vLgVO+5FKR/0
        77mg7ZiDpvvg7kq/9m4/yfGeuwQauCmu3Z+UKphNxE9KiHFBkeU0bSrkxeceL6oe
        hV8/Op6zYmZIHPKqOkEh/qwxcTFw0VspEPShLaFXH0AMtflGgZE3Aa5JvcDcGaHm
        HlwOFeECgYEAxW0ifn7cDGeAEv8r0hvUr6wvOpijeIL9SYkHTtspUURtAQ385mmy
        3zIsYN5o5npTEOW1Ys12ItxB9g3mssydERauwX6hfcIE8jRr/7s4B8xKJAJi50hG
        zvqQ5Zz6cCUqT+vRlxEMFylcV05M18cfXFFD4vs4XNQo25B5PWuAI5UCgYEAupn4
        A5sZ+i0yuZ4c1AMDBTCrhCJhrRUuPDJxDWcNatztnctzmGZ327a5ug/TdjAbIhpg
        Hpi51dW3PBxUqosS0LhiKUTJMV+uD8FvGtS4RTgxN9pzr33bZfbFjcaVjyuI7Iwb
        LOVoab9KGv6Qpw7SGdeT/gztavXQt2N7ltBH9LECgYEAk8sYSIPlbS/KE+6MOnT1
        KjGHBaGgtqWwwWzgWKr+akUEKQb0rPSxoB6qVDYLZ4ZpSrv7pqRS7NPgWTec3XsJ
        lfJaDqYidMda9opB0yavUj8fvYc/zQ4xW979u7ZhULSx0TSjKSjs2SXwZ7dJFTuO
        gYigfno8flmg4IVuDYm9WmUCgYAgEZv1Cq/RNflUux6bNRVMzAt9/uaod05l3Alf
        00kUB3nyt2dbVqjcoq+SkWu3ERdoqf3A5GBzpnICK6BFWvdV1YpRK1gkWxwv6v9s
        LgipJLoYrjtZepi9EkbrUaicXU//zyhQc/CY094pe3xiqYJkHI97hr86tZo0Gi3A
        QnVLUQKBgQClRH2APA+iwsZUY6fsR4iFrJO4x9F50OuSHsb6aUc3dLehSk70tfwV
        6CLJc0eCwsN9Yy4ZveVCmIVP/TrRn/JQzaDh2VU/8YbZCekrMFagCJAdfQye3TwU
        vCdBQQWTyN+45j5svQKioKlRVMXI1CFycAimNV8kGL1gwn21Yrx/Xg==
        -----END RSA PRIVATE KEY-----
        """

    /// The same key.
    /// By `openssl req -x509` of the same key.
    static let rsaCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIC8DCCAdigAwIBAgIBATANBgkqhkiG9w0BAQsFADAQMQ4wDAYDVQQDDAVtNHJ1
        bjAgFw0yNjEyMDEwMzQwMTZaGA8yMTI2MTEwNzAzNDAxNlowEDEOMAwGA1UEAwwF
        bTRydW4wggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCP6AiOBxTBYamo
        b7KJobKV/qAFDRcxt1OHeFc9MCFYS9JaQESAU6j9CmPeS0u048ByJZ7iQaUn2mwm
        YuOgSoRi4wNXxwb7Ooq8/WN5qLENJ44rZPdhMn3d5y2cJ/lKGcwG7T23+ofS348L
        UceMNnnIciRumpXkdQjr3SkDu/XlKLRTK+OuC3kZubdTOkDUv/Hb5jNkcHZhRzpu
        hRBKpzo1DvdkSHfBs/6IAVSNOR3bm4/9lFEidQD8SXWkyzDBeVS2yrGhBAV1x0P2
        /PGuvwltSNXzAI9NUo0C2+vXviaXHb2ANGfCFV2K0gZC0C6YClFPEX9H/n0jyd2f
        u65j1Z4FAgMBAAGjUzBRMB0GA1UdDgQWBBSF3ECGX5rIb0h8kqnqaDEwkc3aaTAf
        BgNVHSMEGDAWgBSF3ECGX5rIb0h8kqnqaDEwkc3aaTAPBgNVHRMBAf8EBTADAQH/
        MA0GCSqGSIb3DQEBCwUAA4IBAQCA/TigSDCjEzP+rB19oanV+M9KMLD01D1wpst0
        ctlvz1jAsX1A6XuF0Gpqsyn5DxdgCGWV3OaGl7eRUT+iWwjp4LTl2RFo3xebAePR
        HgEPtZzrCT3raWrKv5i/u5X7s55TsDVRl20jxCU6U+2fEnBmL7z4RBR6qx2cOgmC
        5OMp3h8zWHIi9IU/2DZU1PsnzGlqzjgW8EJjhWp2dzz7FdepHLLEpxSA4HzoIOcC
        A+JF0Al15MWrj5VFyhfZ66cA6sG1Uf5Aan73I0JWZEabs7gHWbulp6EJNsBJ1luD
        5JaTNR5vpnwXhLuzLWR5Qj61KdidTX1zxPD96N6S40Vd6r1p
        -----END CERTIFICATE-----
        """

    static let rsaPKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCP6AiOBxTBYamo
        b7KJobKV/qAFDRcxt1OHeFc9MCFYS9JaQESAU6j9CmPeS0u048ByJZ7iQaUn2mwm
        YuOgSoRi4wNXxwb7Ooq8/WN5qLENJ44rZPdhMn3d5y2cJ/lKGcwG7T23+ofS348L
        UceMNnnIciRumpXkdQjr3SkDu/XlKLRTK+OuC3kZubdTOkDUv/Hb5jNkcHZhRzpu
        hRBKpzo1DvdkSHfBs/6IAVSNOR3bm4/9lFEidQD8SXWkyzDBeVS2yrGhBAV1x0P2
        /PGuvwltSNXzAI9NUo0C2+vXviaXHb2ANGfCFV2K0gZC0C6YClFPEX9H/n0jyd2f
        u65j1Z4FAgMBAAECggEAApMXqBbXV7hcFS/eZVj3vXg/O6fmzNRnUaqlAOq+Bfrh
        Sg0RTKxyfwhzDfSR56wVctVaeNjM0CA3xB4LzX/Xy38dPbJJXTBIcCYmY/RRKpeV
        ExCs3lfNaa1rovoSGzHH9S3EZ2i7ilnGkODHLaqB1kS4gyQP33T6kmG0DKWNuipP
        5LaA5OnXUSr1AwlOB8geYz+8uBU77kUpH/TvuaDtmIOm++DuSr/2bj/J8Z67BBq4
        Ka7dn5QqmE3ET0qIcUGR5TRtKuTF5x4vqh6FXz86nrNiZkgc8qo6QSH+rDFxMXDR
        WykQ9KEtoVcfQAy1+UaBkTcBrkm9wNwZoeYeXA4V4QKBgQDFbSJ+ftwMZ4AS/yvS
        G9SvrC86mKN4gv1JiQdO2ylRRG0BDfzmabLfMixg3mjmelMQ5bVizXYi3EH2Deay
        zJ0RFq7BfqF9wgTyNGv/uzgHzEokAmLnSEbO+pDlnPpwJSpP69GXEQwXKVxXTkzX
        xx9cUUPi+zhc1CjbkHk9a4AjlQKBgQC6mfgDmxn6LTK5nhzUAwMFMKuEImGtFS48
        MnENZw1q3O2dy3OYZnfbtrm6D9N2MBsiGmAemLnV1bc8HFSqixLQuGIpRMkxX64P
        wW8a1LhFODE32nOvfdtl9sWNxpWPK4jsjBss5Whpv0oa/pCnDtIZ15P+DO1q9dC3
        Y3uW0Ef0sQKBgQCTyxhIg+VtL8oT7ow6dPUqMYcFoaC2pbDBbOBYqv5qRQQpBvSs
        9LGgHqpUNgtnhmlKu/umpFLs0+BZN5zdewmV8loOpiJ0x1r2ikHTJq9SPx+9hz/N
        DjFb3v27tmFQtLHRNKMpKOzZJfBnt0kVO46BiKB+ejx+WaDghW4Nib1aZQKBgCAR
        m/UKr9E1+VS7Hps1FUzMC33+5qh3TmXcCV/TSRQHefK3Z1tWqNyir5KRa7cRF2ip
        /cDkYHOmcgIroEVa91XVilErWCRbHC/q/2wuCKkkuhiuO1l6mL0SRutRqJxdT//P
        KFBz8JjT3il7fGKpgmQcj3uGvzq1mjQaLcBCdUtRAoGBAKVEfYA8D6LCxlRjp+xH
        iIWsk7jH0XnQ65IexvppRzd0t6FKTvS1/BXoIslzR4LCw31jLhm95UKYhU/9OtGf
        8lDNoOHZVT/xhtkJ6SswVqAIkB19DJ7dPBS8J0FBBZPI37jmPmy9AqKgqVFUxcjU
        IXJwCKY1XyQYvWDCfbVivH9e
        -----END PRIVATE KEY-----
        """

    /// Its public part, SubjectPublicKeyInfo.
    static let rsaPublic = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAj+gIjgcUwWGpqG+yiaGy
        lf6gBQ0XMbdTh3hXPTAhWEvSWkBEgFOo/Qpj3ktLtOPAciWe4kGlJ9psJmLjoEqE
        YuMDV8cG+zqKvP1jeaixDSeOK2T3YTJ93ectnCf5ShnMBu09t/qH0t+PC1HHjDZ5
        yHIkbpqV5HUI690pA7v15Si0Uyvjrgt5Gbm3UzpA1L/x2+YzZHB2YUc6boUQSqc6
        NQ73ZEh3wbP+iAFUjTkd25uP/ZRRInUA/El1pMswwXlUtsqxoQQFdcdD9vzxrr8J
        bUjV8wCPTVKNAtvr174mlx29gDRnwhVditIGQtAumApRTxF/R/59I8ndn7uuY9We
        BQIDAQAB
        -----END PUBLIC KEY-----
        """

    /// Its public part, PKCS#1.
    static let rsaPublicPKCS1 = """
        -----BEGIN RSA PUBLIC KEY-----
        MIIBCgKCAQEAj+gIjgcUwWGpqG+yiaGylf6gBQ0XMbdTh3hXPTAhWEvSWkBEgFOo
        /Qpj3ktLtOPAciWe4kGlJ9psJmLjoEqEYuMDV8cG+zqKvP1jeaixDSeOK2T3YTJ9
        3ectnCf5ShnMBu09t/qH0t+PC1HHjDZ5yHIkbpqV5HUI690pA7v15Si0Uyvjrgt5
        Gbm3UzpA1L/x2+YzZHB2YUc6boUQSqc6NQ73ZEh3wbP+iAFUjTkd25uP/ZRRInUA
        /El1pMswwXlUtsqxoQQFdcdD9vzxrr8JbUjV8wCPTVKNAtvr174mlx29gDRnwhVd
        itIGQtAumApRTxF/R/59I8ndn7uuY9WeBQIDAQAB
        -----END RSA PUBLIC KEY-----
        """

    /// The same key; the pass phrase is `sesame`.
    static let rsaEncryptedPKCS8 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIIFLTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIbJsu8FiGo/ACAggA
        MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAECBBA/zHT4Yl/Kl9E++KMpSNyBBIIE
        0KuILQ2KVMXi8Bc74Ip3d2u2IW+7H5IsBYXV6jjhqjUDAFt8NxDLSD43UdLXzG9x
        SPfELtmxVy3DQxOasiU7Rn/bFMyuGGGZLd983cyv/GFxcrMRWXKFJPktaIo5ATqs
        JE1t9s2NE0POsvbn1nhGdH6lZ0kM60fx04Q70rln+EW/BBX+6ceNjVlgVeZ/EqCj
        ellLo0CUlfseAPZJKi8JdEVgTOFX6SAmlASpUOFXcuGzsQhf7TKpXRIYcHNH9tBu
        M92mPaMSm/jEywYPXmCg045NsBWcF1F18EnwhL2ZYHPY2RMWrBohj30fy8fhU8+j
        OmoQ+3d0AIVtHxkhb7V1XCIw7VI+GMigW7wkdqWZFGBwVbDdxMlHGPSK44gtgmVQ
        KbRLtQen1cGHPKsDm5oEmLzsSlQiinzylrS6gYAzoLzVlwL8c9PtAALaVbD9c/Ln
        WpD6X98hpTwZOfgJPt4BfqDu4y2rWWG7Uz64r2qYoNMYWeSUGBGOwwZ7L5H3ISCI
        4sJLBpgBTn/Z9mjo/yVJi1XSFqdshmAiQoX4wTXE4KH7rLfXp81N1+sBHO6PUmeC
        BFQ1wvJEnr82TuRkSXMZ4BoN4/tLwGkiVh0RWyp8E4n1s1In4+vWJxKMNPnCjDOU
        sZYNuoWP4eLX+LQKFBWxGdCXx/93eYctZAebr9zKKXln7fkpHd/QeaQKoG8eeHPB
        V+gIIkRKT6Ycnb4YoOa4YM4PcVyCWtlmpqX4vO792Xig7EllWVtVei6DLek6Ouu0
        S7O+N34PkjA3YginmaeAeIlfhwYaYDsSYSJOMu16YZ9Q2civ4Uy9WcBMJ8LXRqde
        zNgTPAUbFCmpWoy5RhfCXqsSMX0q7dS/ZUUgoCv8Lv+FI0uttjwU3nmphPOk7OGg
        L9aAjxGvfWnNya+7vWEmShY/YJ7RnNg3Yk1Qs0SnuRtzeDmtQqT7kKm8fC2vaC87
        YfMhh0YlD79nMOxsk92hFzChsxp7SjIl797vkjA8U6BbZfphrBu6D52WZ2RARM+l
        It9za0x5MhSxGSRpqnt5vh/vl9CXAZiwL9/gAWBXblQlDNZ2sWAETTmhPWqeEVah
        RKJFm68HYtOd9/gMpODuN6V2T/RhU6k6DAF+0GMMwvGnNCUKlXTPybPmzw48wYc4
        k/Oz9gv5m8fYzXS/MHLabCcYlEyn8Noh0L0XxC6uLeQs8YZ6uAEweTNSjIka1Jab
        9FPcHpxvvTOF/JcRtyX8AeyVhn+t/0i+HDT/IWTUd3O/JFbRvTgCHJYE8+l+qkNh
        WBoj4Rsx/veZKLfzfirE1s33zsfGa60qrwzQ5E6A/KSvY4idkzmyWiGjvCEa0Ecf
        Hjm3X9heuh2WKDPu86OyBVTVjhr2EesaIEJd1B3Pj3GAWjno6OkcykQBcMZ9EvMh
        yVmEMv4baH+A/8R7aFGdyLp6Gf9IzA/5yHG2RsptZm6Uof+24o/k4IiG7u4Xs5U1
        uJqdwe3V35FN8BkzdMuiQ0D6jLW66tk6SUJwR+tRQjl1uX2RroWzUUjPCTRBeVdm
        CNgFv7xSDjfL4F6ZJn5SERs0j6WRss/RyFNOUzvgjPscSGnkUdBW3LXg6ZBsWpuT
        n2hn3T6n7oI5qnCqcLqxk41q4nJzr4ZXvPpFIOOIHFJO
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// The same key; the pass phrase is `sesame`.
    static let rsaEncryptedTraditional = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,4DEA790DB7F0209EF520E96A534712A9

        55nJfJHVKHqDF3/YDZw14Y9P2ISBwFDhRuUIpW5TlODbEvLLYaytA+jNtJiuN9rM
        blBBjX2Pj/AiTadNN9Ad9I1bUd2RVciF+da0/XpwfM5i8Js2i15/EV9B46J9wAxw
        tSIfnwXQbsnkd+NXutWi+M7peG7SfoQF2kGx6oLE5BHY6ECQR2VCtPy0pL/t6IOK
        uHt7ZklAW3JI3ye1cSYrCO/FMEAA6u6K21thS/UB+Zgk19/KUrTWyjlNQguJDW9n
        ci6KschHn0oZz04VKOcmtJYyT9SLhFJFyn0sazTt5EKzabYTPbndfj+s1AaLOdVc
        oxCvs6ahRlU5P+z28UI4kQnpb/m5Klo5T9OHR1D7YiWaA4TBdfzTh0KT4ERoRglw
        khLtIDWic75isoVoXFQt25sxemszBLW3gPpB3jBJ4Gk30yA8AyJnVtMb34aDh2ed
        IUwYLBN0bZzmIqAInc2xANymxa5rxmB8A8c7hJlu4zkpD1/cP7F2h1rCTnDMil/B
        rKuczn2j4N5w6HtneQzsCmVJiJ4gwbv1TlhrU562631iI7E2/jhVqJkri95IUojV
        Jxn90PkJeAEt3G8+NQx6DXyeLM7YPryGx3s/1jTh0bbH34yBpPISKiA5+i0n6VLB
        WLta1C9u0aQiLphJJJmG5wvJre2uR9OAQ6ra/Bi/kQXEjSJw4bYPUy/KHnuAjHAS
        sIibo7uqlXZp/rbMYgfqTbFhuT1/7oX4Tjpxat+Y9hdKWeXwf24yKSzM60I0WgXh
        RcbBnt72C79nuRRdJALXwgP6pU3oo+wDZWaxVZl+CfILGlcEgj3a4uXesMYMH0sv
        y8j4fNEVhSUufGYePUES4aA1F23JuB8TCtgBhLXxgg+sQCfGrP1cmmfmhJOfOoLi
        TALXvljp50DNdEdZIyhVFvxcNM2LR4idMK65H4Tf7mG/wUuAjJPe6FpAJSxO13mV
        0xLfMYwJibiXXTZ/mzlGJMvrL4ihU9RFMEgq4mMdiI1ufdBFGYxzl+yE362E4X30
        EpROKoJGXaat9Gf1a/og89trofgUJefxI2xJe6iww4ew8V6vShrZ6r8mMC6R57mS
        qei4pp8vD4Vq+9naiW+2KBLKsCNnaiV0h4itQXjx/iO5Pw4pOCWgM3ggfXLuCu0l
        AmQ17qLeQZu0ieVo8UAXB85RQjm08rcnFthpovPmApWYkHBY7XYNWJHIxFJ9iUqy
        1pi/PTI7Vez5QYtrcVqUKeLbhfiRbNByOqCqWFQ1Ez0pU/bPzjUx0w4+jab17X5a
        cnlBZvBx3IWFeEwl1zSg86OPpY2GHBfJdlR8Tg77kSCFA+aTaqrkLVz2/qXj/A4p
        +h7dNIYlGvDOXlyJH5h5nWtOlWG/Ibmz1i2IEEpOvH6PZHHU6rmLOB3fqdJhpeOg
        1zCTX0kH6PdDNHcgYIJTpHPfeh0Vt0KmvAIFfbRV9fL9STM+G6FoZnOgsa1gR1HC
        FCquCWjNLYObEp3VrU5M2jG2bqtLIPTH9hdZrjhZs77K2N2sKje4zMzD1X8LQvmo
        6FFyaFVSHXtQJ4qZ+BoQa1by1Q82vozSXEyhl26da9ZlEfGiqAXZuVsm3hpKN+0l
        -----END RSA PRIVATE KEY-----
        """

    /// A key that nothing trusts.
    static let otherRSAPKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDm2EMBoVPSZGep
        QY7L7CcW0RtOx8tdwqWPz2hDusRPiR4G8u69O11Aj/yPrDGZtVPNdS+u3e6ge9HH
        0pPS1V3DFJzbdVruSENWNF4175YZTCJhRBz4F9QP2DpIm3O40Yy0xDWJ2Segd6RQ
        Hh9m0g3avxfXLDT5VXEiS5aPAGsRoJ6jpmiwgD/cQSW9Ug/0nUk8yYaxmVnRE8nf
        4Q1vvs+KWwtx3KI6pLepIaURLP61+LHtxGfpMPhG4L2ImPJm7co2Li32mkZRns0R
        xjP/O2UeifZIrnANWQjdD+OIUq2BtSqezKzLF1nOULmA5TtF16h6Mo2+R3+GKuYO
        OynnSNzPAgMBAAECggEAHEzmBhSjpJb3mGn3mit07Visat+WoIOE7ZkFVMxYVdHf
        EwYEW8Gj4I7mbSy0lf4DbJxRwLPnldgoM0GvKrlKuehUhJkiETVdv/tCk4UwVyCc
        1GTX0liFgH3HQ3B/YuiZwe2ODLzJHWSdic7vlZjp5ufngdMjGXAuowA2UIjCF5Jo
        TzheR61sb2nI+VNvOB6biaw7VaEWPf7BgsF3LSqEYepf7l+TwZo1oE/w5c/hAxfP
        WDiditf7WUjIcQsd+lRosfcHbmKkuaZbYnOxFdx/CJGTzubtVBlYQVDIXtehMWUM
        v0f1wpTIgaitlbfiale+QP+1sNd84vFZZfYJyDK6SQKBgQD6FfkaoIPSQS0gQ4Ko
        AebgyyYud6CamBzpSVPecubh/s4q8ekcE0qcs4sm9EBWcIcSSP9uZzuPpQLopOiq
        ZQvFbZHX0OE8DH/cDmMPke1hNbSVoFdLDeBcUhK8qkzjrYv2vslFtSZxZSjUJY1J
        meDyoVF0N6fwCl7mAQ6G+n2TRwKBgQDsTc2AiAWZ2ii8VOqNMZlP+v02fQdsfRpC
        sVEb2Zjm86MfNqKa176Pj06KSth2R529Rlyh1srBJ24pdVCQvERIOY5ynosbTqEV
        R2lWn/Ke60BkWrMf3gKYi0ZBLooUrFdFfAmtpOQk40d+8BQ/aMKs9zrFW/Qd1PkG
        8Jh7ykleOQKBgFjQ8u4U8Zv7T7Z0o3NdcYyGOWIpVB1zRllHlISdFAhRARFZZqt0
        4nuyfAnyluLcBexlhmnEOe/y74yF/Kd/SWXtWu1lnog//Cy/40iFT+PFOgQltLrQ
        C81dzI+6f6IgYWPZMAwUoLmG7rAhQgNQpgYlapM2rOrgFAHlgC5Jyc1DAoGBAIEg
        Mr+dlJHx6HihXloxVDmkSWHRCJF7+zGee1fgm/D4CZcw38IFSphgEub25zobAFNB
        c7TsDndl+IinFpNAjX96FCEGCbWuTc+26hTv6kB1BQbRmTg8tOZulMFhkQqi8j2B
        /jfo9tJBb/wpbKcJs/eYUYEvMkJq8nmcV3atn1HhAoGBALskE5UgFY1+kt0D3vzm
        RhJcEfdz/U6KoVxjWg6IJsyAUppIaEWZkfxyX7rBvQFsWKKFH/Q1XlRUOVFShYaL
        l9czN/T7Wopi9LfY+JU+9QssZDwj0e3ma8gUjtNaryihXnL6WC6HscEMpvPf/IgV
        x4TN7Dt8ylGkgtROawHn52LD
        -----END PRIVATE KEY-----
        """

    /// P-256.
    static let ecSEC1 = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIAXQs+jCUGa9+UApu+X9keIElV2dgS2yG6fX3m+ww1SwoAoGCCqGSM49
        AwEHoUQDQgAE/TFrsYJZ6AOP9pc9Li8/I5X0Pjx9LUqeMJVMIPugVY4Md6E1Fe4V
        wwWIagY0GU9C1MHVkFxg2WRPUsnamtwAbg==
        -----END EC PRIVATE KEY-----
        """

    /// The same key.
    static let ecPKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBdCz6MJQZr35QCm7
        5f2R4gSVXZ2BLbIbp9feb7DDVLChRANCAAT9MWuxglnoA4/2lz0uLz8jlfQ+PH0t
        Sp4wlUwg+6BVjgx3oTUV7hXDBYhqBjQZT0LUwdWQXGDZZE9Sydqa3ABu
        -----END PRIVATE KEY-----
        """

    /// Its public part.
    static let ecPublic = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/TFrsYJZ6AOP9pc9Li8/I5X0Pjx9
        LUqeMJVMIPugVY4Md6E1Fe4VwwWIagY0GU9C1MHVkFxg2WRPUsnamtwAbg==
        -----END PUBLIC KEY-----
        """

    /// The same key; the pass phrase is `sesame`.
    static let ecEncryptedPKCS8 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgZ6HC7Y9anxAICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEEivyXwYUI5SPt2zBDBYRKcEgZBX
        iIrpygyZOru9bYKkAHOAs/ytSVMfTO9NM4sE1g2rKeWQ+wPx03tSUIL9r24fxb3N
        BRMAQF3joFeNUeLYKwskQAv1NYliJ+oR2UJdivUWTb1oUH4+xp8JWwU5Q3x5HVOU
        MSgxSgFZBEnF4pe/YgELe0Q0QYQbMxPtvu/OdWt1r8Cpa31//QvVIanyGjIOoow=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// On another curve.
    static let ecP384 = """
        -----BEGIN EC PRIVATE KEY-----
        MIGkAgEBBDARt6oLnLR8gy3wjfxqVKEtvGnhjURlr6IoLMokHjh1zKaHWv35Khhg
        2e6xjTwgV6ygBwYFK4EEACKhZANiAAQ6YdrlKHE7LSz2r85s5VMaTFZaOO31odZB
        YQdnqiYEPYUq1Y1TmE6HYyIIyHKAowwta5rjvYf2TjPQBaDfdoJCH81wgAvzz2rP
        R34OOV7lIk7Z1FcKsfKSo6dM11qfYbQ=
        -----END EC PRIVATE KEY-----
        """

    /// The same, as `openssl ec -aes128` writes it; the pass phrase is `sesame`.
    static let ecEncryptedTraditional128 = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,8331C0F1C871801E6BA081EB90A8BCDC

        nqXmtgFnz/ws+mU05lnUvNBiJy9qj0mpjLTxMAkFsg75SPzMrS/u2temnsZTAMia
        Rw+9pKt6WlGIxYL1nQQBe3LtIkd+cwJUuhEWZdWLGSpJ7B6aC9oqbXgWSKE4HFW2
        wB4Qsp701cFqddzTIq9FTDvCL/Fvk2Gckhb1Feu/7AI=
        -----END EC PRIVATE KEY-----
        """

    /// The same, as `openssl ec -aes192` writes it; the pass phrase is `sesame`.
    static let ecEncryptedTraditional192 = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-192-CBC,671543A645A2401ED965922516984A2C

        oPd9pkXL3MYTLqM4FKwgUsisej6+23RkAi3ETQar9XNOVYYbxXTNXJy6UGuyzKvE
        V3b+U9pHsUsN40xBkstoGDAQ5ApYgM0XQBYRsQR2+SeOr1z/AdzAj5SLlCiJm6JJ
        xiv4gEH9Zs6XaH26NXvqnEHYV57VjFRhAH50OrsLmHc=
        -----END EC PRIVATE KEY-----
        """

    /// The same, as `openssl ec -aes256` writes it; the pass phrase is `sesame`.
    static let ecEncryptedTraditional256 = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-256-CBC,4C56303B4C27737B0A15D80EABF947C3

        J/rWvijP3vPTS8sJTD3DxxvRa6b0CdkN1fn+jxc3CCzHvsMMrpwx0xTf7fgNA6kc
        Fmwf3iKVKvSu9+Pe6Tyugjbxv+G9ii+GwRn0zyyPPqe9Cl776x9k2by50wZ+TC4H
        SMIEzO9SHwjRwqzd9Kr4mZ2VE4XZgd+RwE7oetAkh18=
        -----END EC PRIVATE KEY-----
        """

    /// The same with `-des3`.
    static let ecEncryptedTraditionalDES = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: DES-EDE3-CBC,09036B047E1AC3C2

        Zcfbj+RVjMgc0MvKAfvKjuV8sBydONxTOaVBmUBavpMxIEqJHven9QEXvaKfWjkx
        dLABQxWij3RYv9SnuVJ8k/dM6cjr99qvqLmLirx1xhWzsEjf3p+KkLeLeO1vaG3P
        VEPGw+sVG5I/l1UbExMBZWTjAbkLnh49RopToJafFEw=
        -----END EC PRIVATE KEY-----
        """

    /// Of 512 bits.
    static let rsa512 = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIBOwIBAAJBANnYcsynZ27NS/ULaQ969VEMcLrh10hwkJ6IVLyYersfAP70VsxR
        P9vNX2beJXPgDuetUkQoWoNfkICWPJU3OOsCAwEAAQJABiVmL8H1WBnwr6wvvaER
        dMTuFUez5DZQzjg4c821gLv01l00Z/um+0YE3gtZf2GA+G4pKs6yJ0m7MP1X0Bla
        yQIhAP19FycCWlLsUnVjsiBXRG6CpEJQFfvRK9cIQo+5PehXAiEA3AD1TzEapr/9
        mC2CM4foskOmZqEoQD0WKubggm5vJ40CIQDlfBCwxSWGeuHv2nDRbI/MSENysVQl
        pGk/BABWY0qTgwIhAI55qGPyvvnCWC7XOfy5RX88xGSudWy0osiB4F9XuXB5AiAv
        IQipARZ2Y24HGYfKl8u0fVE2ALl/MDkbSJuMdHgQdw==
        -----END RSA PRIVATE KEY-----
        """
}
